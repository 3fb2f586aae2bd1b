/* SecureTransport: one SSL object of OpenSSL for each SSLContext, over two memory BIOs.
 *
 * Ciphertext is asked for record by record, header first, as SecureTransport does. Where it would stop to have a
 * certificate judged, OpenSSL goes on, and what it writes is held back until SSLHandshake is called again.
 */
#include "fake.h"

#ifndef FAKE_SUITE
#define FAKE_SUITE uint16_t /* uint32_t on Intel */
#endif
typedef FAKE_SUITE SSLCipherSuite;
typedef OSStatus (*Carrier)(void *connection, void *data, size_t *size);
enum State { FRESH, SHAKING, OPEN, GRACEFUL, ABORTED };

typedef struct {
    Object base;
    SSL_CTX *settings;
    SSL *ssl;
    BIO *incoming, *outgoing;
    Carrier read, write;
    void *connection;
    enum State state;
    int is_server, breaks[3], authenticate, held, judged, asked, alert;
    int lowest, highest;
    unsigned char record[5 + 65536];
    size_t have;
    char *name;
    Array *peer, *chain, *protocols;
    STACK_OF(X509_NAME) *authorities;
} Context;

static int own;

__attribute__((constructor)) static void reserve(void) {
    own = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

static void destroy_context(Object *object) {
    Context *context = (Context *)object;
    SSL_free(context->ssl);
    SSL_CTX_free(context->settings);
    free(context->name);
    fake_let_go(context->peer);
    fake_let_go(context->chain);
    fake_let_go(context->protocols);
    sk_X509_NAME_pop_free(context->authorities, X509_NAME_free);
}

Context *SSLCreateContext(void *allocator, int side, int kind) {
    Context *context = fake_new(sizeof *context, destroy_context);
    (void)allocator, (void)kind;
    context->is_server = side == 0;
    context->settings = SSL_CTX_new(context->is_server ? TLS_server_method() : TLS_client_method());
    SSL_CTX_set_security_level(context->settings, 0); /* what is too weak is SecTrust's to say */
    SSL_CTX_set_options(context->settings, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context->settings, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_proto_version(context->settings, TLS1_2_VERSION);
    SSL_CTX_set1_groups_list(context->settings, "P-256:P-384:P-521");
    SSL_CTX_set1_sigalgs_list(
        context->settings, "ECDSA+SHA256:RSA+SHA256:ECDSA+SHA384:RSA+SHA384:ECDSA+SHA512:RSA+SHA512:ECDSA+SHA1:RSA+SHA1");
    return context;
}

/* ---------------------------------------------------------------------------------------------- settings */

OSStatus SSLSetIOFuncs(Context *context, Carrier read, Carrier write) {
    context->read = read;
    context->write = write;
    return 0;
}

OSStatus SSLSetConnection(Context *context, void *connection) {
    context->connection = connection;
    return 0;
}

static int wire_version(int protocol) {
    return protocol == 4 ? TLS1_VERSION : protocol == 7 ? TLS1_1_VERSION : protocol == 8 ? TLS1_2_VERSION : 0;
}

OSStatus SSLSetProtocolVersionMin(Context *context, int protocol) {
    int version = wire_version(protocol);
    return version && SSL_CTX_set_min_proto_version(context->settings, version) ? 0 : errSecParam;
}

OSStatus SSLSetProtocolVersionMax(Context *context, int protocol) {
    int version = wire_version(protocol);
    return version && SSL_CTX_set_max_proto_version(context->settings, version) ? 0 : errSecParam;
}

OSStatus SSLSetPeerDomainName(Context *context, const char *name, size_t size) {
    free(context->name);
    context->name = strndup(name, size);
    return 0;
}

OSStatus SSLSetSessionOption(Context *context, int option, Boolean value) {
    if (option < 0 || option > 2) return errSecParam;
    context->breaks[option] = value;
    return 0;
}

OSStatus SSLSetClientSideAuthenticate(Context *context, int authenticate) {
    context->authenticate = authenticate;
    return 0;
}

OSStatus SSLSetCertificateAuthorities(Context *context, const Array *certificates, Boolean replace) {
    if (!context->is_server || context->ssl != NULL || !replace) return errSecParam;
    context->authorities = sk_X509_NAME_new_null();
    for (CFIndex i = 0; i < certificates->count; i++) {
        X509 *x509 = ((Certificate *)certificates->items[i])->x509;
        sk_X509_NAME_push(context->authorities, X509_NAME_dup(X509_get_subject_name(x509)));
    }
    return 0;
}

OSStatus SSLSetALPNProtocols(Context *context, Array *protocols) {
    fake_let_go(context->protocols);
    context->protocols = (Array *)CFRetain((Object *)protocols);
    return 0;
}

static int use_chain(Context *context) {
    Identity *identity = (Identity *)context->chain->items[0];
    if (SSL_use_certificate(context->ssl, identity->certificate->x509) != 1) return 0;
    if (SSL_use_PrivateKey(context->ssl, identity->key->pkey) != 1) return 0;
    for (CFIndex i = 1; i < context->chain->count; i++)
        if (SSL_add1_chain_cert(context->ssl, ((Certificate *)context->chain->items[i])->x509) != 1) return 0;
    return 1;
}

OSStatus SSLSetCertificate(Context *context, Array *chain) {
    fake_let_go(context->chain);
    context->chain = (Array *)CFRetain((Object *)chain);
    return context->ssl == NULL || use_chain(context) ? 0 : errSecParam;
}

/* ---------------------------------------------------------------------------------------------- suites */

OSStatus SSLGetNumberSupportedCiphers(Context *context, size_t *count) {
    SSL *ssl = SSL_new(context->settings);
    SSL_set_cipher_list(ssl, "ALL:eNULL");
    *count = sk_SSL_CIPHER_num(SSL_get_ciphers(ssl));
    SSL_free(ssl);
    return 0;
}

OSStatus SSLGetSupportedCiphers(Context *context, SSLCipherSuite *suites, size_t *count) {
    SSL *ssl = SSL_new(context->settings);
    SSL_set_cipher_list(ssl, "ALL:eNULL");
    STACK_OF(SSL_CIPHER) *known = SSL_get_ciphers(ssl);
    for (size_t i = 0; i < *count; i++) suites[i] = SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(known, i));
    SSL_free(ssl);
    return 0;
}

OSStatus SSLSetEnabledCiphers(Context *context, const SSLCipherSuite *suites, size_t count) {
    char list[8192] = "";
    SSL *ssl = SSL_new(context->settings);
    for (size_t i = 0; i < count; i++) {
        const unsigned char wire[2] = {suites[i] >> 8, suites[i] & 255};
        const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, wire);
        if (cipher == NULL) return SSL_free(ssl), errSecParam;
        strcat(strcat(list, SSL_CIPHER_get_name(cipher)), ":");
    }
    SSL_free(ssl);
    return SSL_CTX_set_cipher_list(context->settings, list) ? 0 : errSecParam;
}

OSStatus SSLGetNegotiatedCipher(Context *context, SSLCipherSuite *suite) {
    if (context->state != SHAKING && context->state != OPEN) return errSecBadReq;
    const SSL_CIPHER *cipher = SSL_get_current_cipher(context->ssl);
    if (cipher == NULL) return errSecBadReq;
    *suite = SSL_CIPHER_get_protocol_id(cipher);
    return 0;
}

OSStatus SSLGetNegotiatedProtocolVersion(Context *context, int *protocol) {
    int version = context->ssl == NULL || context->state < OPEN ? 0 : SSL_version(context->ssl);
    *protocol = version == TLS1_VERSION ? 4 : version == TLS1_1_VERSION ? 7 : version == TLS1_2_VERSION ? 8 : 0;
    return 0;
}

/* ---------------------------------------------------------------------------------------------- ciphertext */

/* Ask for one whole record. */
static OSStatus feed(Context *context) {
    for (;;) {
        size_t need = context->have < 5 ? 5 : 5 + (size_t)(context->record[3] << 8 | context->record[4]);
        if (context->have == need && need > 5) break;
        if (context->have == 5 && need == 5) break;
        if (context->have == 5 && (context->record[0] < 20 || context->record[0] > 23)) return errSSLProtocol;
        if (context->have == 5 && need > 5 + 16384 + 2048) return errSSLRecordOverflow;
        size_t size = need - context->have;
        OSStatus status = context->read(context->connection, context->record + context->have, &size);
        context->have += size;
        if (status != 0) return status;
    }
    BIO_write(context->incoming, context->record, context->have);
    context->have = 0;
    return 0;
}

static void flush(Context *context) {
    char *bytes;
    size_t size = context->held ? 0 : BIO_get_mem_data(context->outgoing, &bytes);
    if (size == 0) return;
    context->write(context->connection, bytes, &size);
    (void)BIO_reset(context->outgoing);
}

static OSStatus peer_alert(int alert) {
    static const unsigned char known[] = {10, 20, 21, 22, 30, 40, 42, 43, 44, 45, 46, 0, 48, 49, 50, 51, 60, 70, 71, 80, 90, 100};
    for (size_t i = 0; i < sizeof known; i++)
        if (known[i] == alert) return -9819 - (OSStatus)i;
    return errSSLProtocol;
}

/* What OpenSSL's failure is called here. */
static OSStatus failure(Context *context) {
    int reason = ERR_GET_REASON(ERR_peek_error());
    ERR_clear_error();
    flush(context);
    context->state = ABORTED;
    if (context->alert > 0) return peer_alert(context->alert);
    switch (reason) {
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC: return errSSLBadRecordMac;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM: return errSSLNegotiation;
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
    case SSL_R_DATA_LENGTH_TOO_LONG: return errSSLRecordOverflow;
    case SSL_R_UNEXPECTED_MESSAGE:
    case SSL_R_UNEXPECTED_RECORD: return errSSLUnexpectedRecord;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return errSSLXCertChainInvalid;
    default: return errSSLProtocol;
    }
}

/* ---------------------------------------------------------------------------------------------- the handshake */

static void stop_for_judgement(Context *context) {
    int wanted = context->breaks[context->is_server ? 2 : 0];
    flush(context);
    if (wanted && !context->judged) context->held = 1;
}

static int keep_peer(X509_STORE_CTX *check, void *unused) {
    SSL *ssl = X509_STORE_CTX_get_ex_data(check, SSL_get_ex_data_X509_STORE_CTX_idx());
    Context *context = SSL_get_ex_data(ssl, own);
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(check);
    (void)unused;
    fake_let_go(context->peer);
    context->peer = fake_array(sk_X509_num(sent));
    for (int i = 0; i < sk_X509_num(sent); i++)
        context->peer->items[i] = (Object *)fake_certificate(sk_X509_value(sent, i));
    stop_for_judgement(context);
    return 1;
}

/* A client that sends no certificate is judged, too; OpenSSL asks nobody then. */
static void watch(int is_write, int version, int type, const void *bytes, size_t size, SSL *ssl, void *unused) {
    const unsigned char *message = bytes;
    Context *context = SSL_get_ex_data(ssl, own);
    (void)version, (void)unused;
    if (!is_write && context->is_server && type == SSL3_RT_HANDSHAKE && size == 7 && message[0] == SSL3_MT_CERTIFICATE)
        stop_for_judgement(context);
}

static void note(const SSL *ssl, int where, int value) {
    Context *context = SSL_get_ex_data(ssl, own);
    if (where == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL) context->alert = value & 255;
}

static int certificate_wanted(SSL *ssl, void *unused) {
    Context *context = SSL_get_ex_data(ssl, own);
    (void)unused;
    return context->breaks[1] && !context->asked && context->chain == NULL ? -1 : 1;
}

static int agree(SSL *ssl, const unsigned char **out, unsigned char *size, const unsigned char *in, unsigned in_size, void *context) {
    Data *protocol = (Data *)((Context *)context)->protocols->items[0]; /* not chosen: what was set is sent back */
    (void)ssl, (void)in, (void)in_size;
    *out = protocol->bytes;
    *size = protocol->size;
    return SSL_TLSEXT_ERR_OK;
}

static void offer(Context *context) {
    unsigned char list[4096];
    unsigned at = 0;
    for (CFIndex i = 0; i < context->protocols->count; i++) {
        Data *name = (Data *)context->protocols->items[i];
        if (at + 1 + name->size > sizeof list) break;
        list[at] = name->size;
        memcpy(list + at + 1, name->bytes, name->size);
        at += 1 + name->size;
    }
    SSL_set_alpn_protos(context->ssl, list, at);
}

static int begin(Context *context) {
    SSL_CTX_set_cert_verify_callback(context->settings, keep_peer, NULL);
    if (!context->is_server) SSL_CTX_set_cert_cb(context->settings, certificate_wanted, NULL);
    SSL_CTX_set_info_callback(context->settings, note);
    SSL_CTX_set_msg_callback(context->settings, watch);
    if (context->is_server && context->protocols != NULL) SSL_CTX_set_alpn_select_cb(context->settings, agree, context);
    SSL *ssl = context->ssl = SSL_new(context->settings);
    SSL_set_ex_data(ssl, own, context);
    context->incoming = BIO_new(BIO_s_mem());
    context->outgoing = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(context->incoming, -1);
    SSL_set_bio(ssl, context->incoming, context->outgoing);
    int mode = SSL_VERIFY_PEER | (context->authenticate == 1 ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    SSL_set_verify(ssl, context->is_server && !context->authenticate ? SSL_VERIFY_NONE : mode, NULL);
    if (context->authorities != NULL) SSL_set_client_CA_list(ssl, SSL_dup_CA_list(context->authorities));
    if (!context->is_server && context->protocols != NULL) offer(context);
    if (!context->is_server && context->name != NULL) SSL_set_tlsext_host_name(ssl, context->name);
    context->is_server ? SSL_set_accept_state(ssl) : SSL_set_connect_state(ssl);
    context->state = SHAKING;
    return context->chain == NULL || use_chain(context);
}

OSStatus SSLHandshake(Context *context) {
    if (context->state == GRACEFUL) return errSSLClosedGraceful;
    if (context->state == ABORTED) return errSSLClosedAbort;
    if (context->state == OPEN) return errSecBadReq;
    if (context->state == FRESH && !begin(context)) return errSecParam;
    if (context->held) {
        context->held = 0;
        context->judged = 1;
    }
    for (;;) {
        ERR_clear_error();
        int result = SSL_do_handshake(context->ssl), why = SSL_get_error(context->ssl, result);
        if (context->held) return errSSLPeerAuthCompleted;
        flush(context);
        if (result == 1) break;
        if (why == SSL_ERROR_WANT_X509_LOOKUP) {
            context->asked = 1;
            return errSSLClientCertRequested;
        }
        if (why == SSL_ERROR_ZERO_RETURN) return context->state = GRACEFUL, errSSLClosedGraceful;
        if (why != SSL_ERROR_WANT_READ) return failure(context);
        OSStatus status = feed(context);
        if (status != 0) {
            if (status != errSSLWouldBlock) context->state = ABORTED;
            return status;
        }
    }
    context->state = OPEN;
    return 0;
}

/* ---------------------------------------------------------------------------------------------- data */

static OSStatus closed(const Context *context) {
    return context->state == GRACEFUL ? errSSLClosedGraceful : context->state == ABORTED ? errSSLClosedAbort : errSecBadReq;
}

static void send_close(Context *context) {
    ERR_clear_error();
    if (context->ssl != NULL && context->state != ABORTED && !context->held) SSL_shutdown(context->ssl);
    ERR_clear_error();
    if (context->ssl != NULL) flush(context);
    context->state = GRACEFUL;
}

/* One record at most. Apple's answers a close_notify by its own at once. */
OSStatus SSLRead(Context *context, unsigned char *target, size_t size, size_t *done) {
    *done = 0;
    if (context->state != OPEN) return closed(context);
    for (;;) {
        ERR_clear_error();
        int got = SSL_read(context->ssl, target, size), why = SSL_get_error(context->ssl, got);
        flush(context);
        if (got > 0) return *done = got, 0;
        if (why == SSL_ERROR_ZERO_RETURN) return send_close(context), errSSLClosedGraceful;
        if (why != SSL_ERROR_WANT_READ) return failure(context);
        OSStatus status = feed(context);
        if (status == errSSLWouldBlock) return status;
        if (status != 0) return context->state = ABORTED, status;
    }
}

OSStatus SSLWrite(Context *context, const void *source, size_t size, size_t *done) {
    *done = 0;
    if (context->state != OPEN) return closed(context);
    ERR_clear_error();
    int taken = SSL_write(context->ssl, source, size);
    if (taken <= 0) return failure(context);
    flush(context);
    *done = taken;
    return 0;
}

/* Both directions end: Apple's SSLRead gives errSSLClosedGraceful afterwards. */
OSStatus SSLClose(Context *context) {
    send_close(context);
    return 0;
}

OSStatus SSLGetBufferedReadSize(Context *context, size_t *size) {
    *size = context->ssl == NULL ? 0 : SSL_pending(context->ssl);
    return 0;
}

/* ---------------------------------------------------------------------------------------------- what was negotiated */

#ifndef LACKS_FUNCTIONS
OSStatus SSLCopyPeerCertificates(Context *context, Array **certificates) {
    *certificates = NULL;
    if (context->peer == NULL) return errSecBadReq;
    *certificates = (Array *)CFRetain((Object *)context->peer);
    return 0;
}
#endif

OSStatus SSLCopyPeerTrust(Context *context, Trust **trust) {
    *trust = NULL;
    if (context->peer == NULL) return errSecBadReq;
    *trust = fake_trust(context->peer);
    return 0;
}

OSStatus SSLCopyDistinguishedNames(Context *context, Array **names) {
    const STACK_OF(X509_NAME) *listed = context->ssl == NULL ? NULL : SSL_get0_peer_CA_list(context->ssl);
    int count = listed == NULL ? 0 : sk_X509_NAME_num(listed);
    *names = fake_array(count);
    for (int i = 0; i < count; i++) {
        unsigned char *bytes = NULL;
        int size = i2d_X509_NAME(sk_X509_NAME_value(listed, i), &bytes);
        (*names)->items[i] = (Object *)CFDataCreate(NULL, bytes, size);
        OPENSSL_free(bytes);
    }
    return 0;
}

OSStatus SSLCopyALPNProtocols(Context *context, Array **protocols) {
    const unsigned char *name;
    unsigned size;
    SSL_get0_alpn_selected(context->ssl, &name, &size);
    *protocols = NULL;
    if (size == 0) return 0;
    *protocols = fake_array(1);
    (*protocols)->items[0] = (Object *)CFDataCreate(NULL, name, size);
    return 0;
}
