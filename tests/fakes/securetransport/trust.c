/* Certificates, keys, identities, and SecTrust with the SSL policy. */
#include "fake.h"
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

static int tags[8];
const void *const kSecAttrKeyType = &tags[0], *const kSecAttrKeyClass = &tags[1];
const void *const kSecAttrKeyTypeRSA = &tags[2], *const kSecAttrKeyTypeECSECPrimeRandom = &tags[3];
const void *const kSecAttrKeyClassPrivate = &tags[4];
const void *const kSecKeyAlgorithmRSASignatureMessagePKCS1v15SHA256 = &tags[5];
const void *const kSecKeyAlgorithmECDSASignatureMessageX962SHA256 = &tags[6];

/* ---------------------------------------------------------------------------------------------- certificates */

static void destroy_certificate(Object *object) { X509_free(((Certificate *)object)->x509); }

Certificate *fake_certificate(X509 *x509) {
    Certificate *certificate = fake_new(sizeof *certificate, destroy_certificate);
    X509_up_ref(x509);
    certificate->x509 = x509;
    return certificate;
}

Certificate *SecCertificateCreateWithData(void *allocator, const Data *data) {
    const unsigned char *at = data->bytes;
    X509 *x509 = d2i_X509(NULL, &at, data->size);
    (void)allocator;
    ERR_clear_error();
    if (x509 == NULL || at != data->bytes + data->size) {
        X509_free(x509);
        return NULL;
    }
    Certificate *certificate = fake_certificate(x509);
    X509_free(x509);
    return certificate;
}

Data *SecCertificateCopyData(const Certificate *certificate) {
    unsigned char *bytes = NULL;
    int size = i2d_X509(certificate->x509, &bytes);
    Data *data = CFDataCreate(NULL, bytes, size);
    OPENSSL_free(bytes);
    return data;
}

/* ---------------------------------------------------------------------------------------------- keys */

static void destroy_key(Object *object) { EVP_PKEY_free(((Key *)object)->pkey); }

static Key *new_key(EVP_PKEY *pkey) {
    Key *key = fake_new(sizeof *key, destroy_key);
    key->pkey = pkey;
    return key;
}

Key *SecCertificateCopyKey(const Certificate *certificate) {
    EVP_PKEY *pkey = X509_get_pubkey(certificate->x509);
    ERR_clear_error();
    return pkey == NULL ? NULL : new_key(pkey);
}

/* ANSI X9.63: 04, the point, the private number. */
static EVP_PKEY *ec_key(const unsigned char *bytes, size_t size) {
    int nid = size == 97 ? NID_X9_62_prime256v1 : size == 145 ? NID_secp384r1 : size == 199 ? NID_secp521r1 : 0;
    if (nid == 0) return NULL;
    size_t coordinate = (size - 1) / 3;
    EC_KEY *key = EC_KEY_new_by_curve_name(nid);
    EVP_PKEY *pkey = EVP_PKEY_new();
    if (EC_KEY_oct2key(key, bytes, 1 + 2 * coordinate, NULL) != 1 ||
        EC_KEY_oct2priv(key, bytes + 1 + 2 * coordinate, coordinate) != 1 || EVP_PKEY_assign_EC_KEY(pkey, key) != 1) {
        EC_KEY_free(key);
        EVP_PKEY_free(pkey);
        return NULL;
    }
    return pkey;
}

Key *SecKeyCreateWithData(const Data *data, const Dictionary *attributes, Error **error) {
    const unsigned char *at = data->bytes;
    const void *type = fake_look_up(attributes, kSecAttrKeyType);
    EVP_PKEY *pkey = NULL;
    if (fake_look_up(attributes, kSecAttrKeyClass) == kSecAttrKeyClassPrivate) {
        if (type == kSecAttrKeyTypeRSA) pkey = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &at, data->size);
        if (type == kSecAttrKeyTypeECSECPrimeRandom) pkey = ec_key(data->bytes, data->size);
    }
    ERR_clear_error();
    if (pkey != NULL) return new_key(pkey);
    *error = fake_error(errSecParam, "the key cannot be read");
    return NULL;
}

static int fits(const Key *key, const void *algorithm) {
    int id = EVP_PKEY_base_id(key->pkey);
    return (id == EVP_PKEY_RSA && algorithm == kSecKeyAlgorithmRSASignatureMessagePKCS1v15SHA256) ||
           (id == EVP_PKEY_EC && algorithm == kSecKeyAlgorithmECDSASignatureMessageX962SHA256);
}

Data *SecKeyCreateSignature(const Key *key, const void *algorithm, const Data *message, Error **error) {
    unsigned char signature[1024];
    size_t size = sizeof signature;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    int done = fits(key, algorithm) && EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
               EVP_DigestSign(digest, signature, &size, message->bytes, message->size) == 1;
    EVP_MD_CTX_free(digest);
    ERR_clear_error();
    if (done) return CFDataCreate(NULL, signature, size);
    *error = fake_error(errSecParam, "the key cannot sign");
    return NULL;
}

Boolean SecKeyVerifySignature(const Key *key, const void *algorithm, const Data *message, const Data *signature, Error **error) {
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    int good = fits(key, algorithm) && EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
               EVP_DigestVerify(digest, signature->bytes, signature->size, message->bytes, message->size) == 1;
    EVP_MD_CTX_free(digest);
    ERR_clear_error();
    if (!good) *error = fake_error(-67688, "the signature is wrong");
    return good;
}

__attribute__((unused)) static void destroy_identity(Object *object) {
    fake_let_go(((Identity *)object)->certificate);
    fake_let_go(((Identity *)object)->key);
}

#ifndef LACKS_FUNCTIONS
Identity *SecIdentityCreate(void *allocator, Certificate *certificate, Key *key) {
    Identity *identity = fake_new(sizeof *identity, destroy_identity);
    (void)allocator;
    identity->certificate = (Certificate *)CFRetain((Object *)certificate);
    identity->key = (Key *)CFRetain((Object *)key);
    return identity;
}
#endif

/* ---------------------------------------------------------------------------------------------- trust */

Policy *SecPolicyCreateSSL(Boolean server, const Data *hostname) {
    Policy *policy = fake_new(sizeof *policy, NULL);
    if (hostname != NULL) abort(); /* names are left to the core of unitls */
    policy->server = server;
    return policy;
}

static void destroy_trust(Object *object) {
    Trust *trust = (Trust *)object;
    fake_let_go(trust->certificates);
    fake_let_go(trust->anchors);
    fake_let_go(trust->path);
    fake_let_go(trust->policy);
    fake_let_go(trust->date);
}

Trust *fake_trust(Array *certificates) {
    Trust *trust = fake_new(sizeof *trust, destroy_trust);
    trust->certificates = (Array *)CFRetain((Object *)certificates);
    return trust;
}

OSStatus SecTrustCreateWithCertificates(Array *certificates, const Object *policies, Trust **trust) {
    if (policies != NULL) abort(); /* they are set afterwards */
    *trust = fake_trust(certificates);
    return 0;
}

#define SETTER(name, type, field)                          \
    OSStatus name(Trust *trust, type *value) {             \
        fake_let_go(trust->field);                         \
        trust->field = (type *)CFRetain((Object *)value);  \
        return 0;                                          \
    }
SETTER(SecTrustSetPolicies, Policy, policy)
SETTER(SecTrustSetAnchorCertificates, Array, anchors)
SETTER(SecTrustSetVerifyDate, Date, date)

OSStatus SecTrustSetAnchorCertificatesOnly(Trust *trust, Boolean only) {
    trust->only = only;
    return 0;
}

OSStatus SecTrustSetNetworkFetchAllowed(Trust *trust, Boolean allowed) {
    (void)trust;
    return allowed ? errSecParam : 0; /* nothing may be fetched in tests */
}

static const char *system_bundle(void) {
    const char *named = getenv("SSL_CERT_FILE");
    return named != NULL && *named ? named : "/etc/ssl/certs/ca-certificates.crt";
}

OSStatus SecTrustCopyAnchorCertificates(Array **anchors) {
    BIO *file = BIO_new_file(system_bundle(), "r");
    STACK_OF(X509_INFO) *entries = file == NULL ? NULL : PEM_X509_INFO_read_bio(file, NULL, NULL, NULL);
    int count = entries == NULL ? 0 : sk_X509_INFO_num(entries);
    *anchors = fake_array(count);
    for (int i = 0; i < count; i++)
        (*anchors)->items[i] = (Object *)fake_certificate(sk_X509_INFO_value(entries, i)->x509);
    sk_X509_INFO_pop_free(entries, X509_INFO_free);
    BIO_free(file);
    ERR_clear_error();
    return 0;
}

/* The code of Apple's for one of OpenSSL's. */
static CFIndex code_for(int error) {
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return -67818; /* Apple's has been seen to say so of both */
    case X509_V_ERR_INVALID_PURPOSE: return -67609;
    case X509_V_ERR_INVALID_CA: return -67612;
    case X509_V_ERR_PATH_LENGTH_EXCEEDED: return -67611;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE: return -67688;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return -67843;
    default: return -67610;
    }
}

static void keep_path(Trust *trust, STACK_OF(X509) *chain) {
    int count = chain == NULL ? 0 : sk_X509_num(chain);
    fake_let_go(trust->path);
    trust->path = fake_array(count);
    for (int i = 0; i < count; i++) trust->path->items[i] = (Object *)fake_certificate(sk_X509_value(chain, i));
}

Boolean SecTrustEvaluateWithError(Trust *trust, Error **error) {
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    STACK_OF(X509) *sent = sk_X509_new_null();
    for (CFIndex i = 0; trust->anchors != NULL && i < trust->anchors->count; i++)
        X509_STORE_add_cert(store, ((Certificate *)trust->anchors->items[i])->x509);
    if (!trust->only) X509_STORE_load_file(store, system_bundle());
    for (CFIndex i = 0; i < trust->certificates->count; i++)
        sk_X509_push(sent, ((Certificate *)trust->certificates->items[i])->x509);
    X509_STORE_CTX_init(check, store, sk_X509_value(sent, 0), sent);
    X509_VERIFY_PARAM *rules = X509_STORE_CTX_get0_param(check);
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    X509_VERIFY_PARAM_set_auth_level(rules, 2);
    X509_VERIFY_PARAM_set_purpose(rules, trust->policy->server ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT);
    if (trust->date != NULL) X509_VERIFY_PARAM_set_time(rules, (time_t)(trust->date->seconds + 978307200.0));
    int good = X509_verify_cert(check) == 1;
    if (!good) {
        int found = X509_STORE_CTX_get_error(check);
        *error = fake_error(code_for(found), X509_verify_cert_error_string(found));
    }
    keep_path(trust, X509_STORE_CTX_get0_chain(check));
    X509_STORE_CTX_free(check);
    X509_STORE_free(store);
    sk_X509_free(sent);
    ERR_clear_error();
    return good;
}

CFIndex SecTrustGetCertificateCount(const Trust *trust) {
    return trust->path != NULL ? trust->path->count : trust->certificates->count;
}

Certificate *SecTrustGetCertificateAtIndex(const Trust *trust, CFIndex index) {
    return (Certificate *)(trust->path != NULL ? trust->path : trust->certificates)->items[index];
}
