"""Writes the bindings of wolfSSL: ``src/unitls/backends/wolfssl/_bindings.py``.

The declarations follow wolfssl/ssl.h, wolfcrypt/wc_pkcs11.h and wolfcrypt/chacha20_poly1305.h of 5.5, and hold for 5.7. Two
things differ on purpose: enumerations are plain integers, and the pointers that the library only hands back to callbacks
are ``uintptr_t``, since what unitls gives it there is a number. Below them stand the few functions of a PKCS #11 module
(version 2.40 of its specification) that read certificates, and find the slot of a token.

Usage::

    python tools/make_bindings/wolfssl.py            # write the module
    python tools/make_bindings/wolfssl.py --check    # change nothing; exit status 1 if the module is out of date
"""

from __future__ import annotations

import sys
from typing import Final

from _emit import run

DECLARATIONS: Final = """
typedef struct WOLFSSL WOLFSSL;
typedef struct WOLFSSL_CTX WOLFSSL_CTX;
typedef struct WOLFSSL_METHOD WOLFSSL_METHOD;
typedef struct WOLFSSL_SESSION WOLFSSL_SESSION;
typedef struct WOLFSSL_CERT_MANAGER WOLFSSL_CERT_MANAGER;
typedef struct WOLFSSL_X509 WOLFSSL_X509;
typedef struct WOLFSSL_X509_NAME WOLFSSL_X509_NAME;
typedef struct WOLFSSL_X509_CHAIN WOLFSSL_X509_CHAIN;
typedef struct WOLFSSL_X509_STORE_CTX WOLFSSL_X509_STORE_CTX;
typedef struct WOLFSSL_STACK WOLFSSL_STACK;
typedef struct WOLFSSL_EVP_PKEY WOLFSSL_EVP_PKEY;
typedef struct WOLFSSL_EVP_MD_CTX WOLFSSL_EVP_MD_CTX;
typedef struct WOLFSSL_EVP_MD WOLFSSL_EVP_MD;
typedef struct { int code; int level; } WOLFSSL_ALERT;
typedef struct { WOLFSSL_ALERT last_rx; WOLFSSL_ALERT last_tx; } WOLFSSL_ALERT_HISTORY;

typedef int (*CallbackIORecv)(WOLFSSL *, char *, int, uintptr_t);
typedef int (*CallbackIOSend)(WOLFSSL *, char *, int, uintptr_t);
typedef int (*VerifyCallback)(int, WOLFSSL_X509_STORE_CTX *);
typedef int (*SessionTicketEncCb)(WOLFSSL *, unsigned char *, unsigned char *, unsigned char *, int, unsigned char *, int,
    int *, uintptr_t);
typedef int (*CallbackSign)(WOLFSSL *, const unsigned char *, unsigned int, unsigned char *, unsigned int *,
    const unsigned char *, unsigned int, uintptr_t);
typedef int (*CallbackRsaPssSign)(WOLFSSL *, const unsigned char *, unsigned int, unsigned char *, unsigned int *, int, int,
    const unsigned char *, unsigned int, uintptr_t);
typedef int (*CallbackRsaVerify)(WOLFSSL *, unsigned char *, unsigned int, unsigned char **, const unsigned char *,
    unsigned int, uintptr_t);
typedef int (*CallbackRsaPssVerify)(WOLFSSL *, unsigned char *, unsigned int, unsigned char **, int, int,
    const unsigned char *, unsigned int, uintptr_t);
typedef int (*CallbackEccKeyGen)(WOLFSSL *, void *, unsigned int, int, uintptr_t);
typedef int (*CallbackX25519KeyGen)(WOLFSSL *, void *, unsigned int, uintptr_t);
typedef struct {
    int algorithm; int padding; int kind; const unsigned char *data; unsigned int size; unsigned char *digest; void *object;
} HashInfo;
typedef int (*CryptoDevCallbackFunc)(int, HashInfo *, void *);
typedef WOLFSSL_SESSION *(*SessionGetCb)(WOLFSSL *, const unsigned char *, int, int *);
typedef int (*SessionNewCb)(WOLFSSL *, WOLFSSL_SESSION *);
typedef int (*wc_pem_password_cb)(char *, int, int, uintptr_t);
typedef unsigned int (*wc_psk_client_cs_callback)(WOLFSSL *, const char *, char *, unsigned int, unsigned char *,
    unsigned int, const char *);
typedef unsigned int (*wc_psk_server_tls13_callback)(WOLFSSL *, const char *, unsigned char *, unsigned int, const char **);

int wolfSSL_Init(void);
const char *wolfSSL_lib_version(void);
unsigned int wolfSSL_lib_version_hex(void);
const char *wolfSSL_ERR_reason_error_string(unsigned long);

WOLFSSL_METHOD *wolfSSLv23_client_method(void);
WOLFSSL_METHOD *wolfSSLv23_server_method(void);
WOLFSSL_CTX *wolfSSL_CTX_new(WOLFSSL_METHOD *);
void wolfSSL_certs_clear(WOLFSSL *);
void wolfSSL_CTX_free(WOLFSSL_CTX *);
void wolfSSL_CTX_SetIORecv(WOLFSSL_CTX *, CallbackIORecv);
void wolfSSL_CTX_SetIOSend(WOLFSSL_CTX *, CallbackIOSend);
int wolfSSL_CTX_set_min_proto_version(WOLFSSL_CTX *, int);
int wolfSSL_CTX_set_max_proto_version(WOLFSSL_CTX *, int);
int wolfSSL_CTX_use_certificate_chain_buffer_format(WOLFSSL_CTX *, const unsigned char *, long, int);
int wolfSSL_CTX_use_PrivateKey_buffer(WOLFSSL_CTX *, const unsigned char *, long, int);
void wolfSSL_CTX_set_default_passwd_cb(WOLFSSL_CTX *, wc_pem_password_cb);
WOLFSSL_EVP_PKEY *wolfSSL_CTX_get0_privatekey(const WOLFSSL_CTX *);
WOLFSSL_X509 *wolfSSL_CTX_get0_certificate(WOLFSSL_CTX *);
WOLFSSL_EVP_PKEY *wolfSSL_X509_get_pubkey(WOLFSSL_X509 *);
void wolfSSL_EVP_PKEY_free(WOLFSSL_EVP_PKEY *);
WOLFSSL_EVP_MD_CTX *wolfSSL_EVP_MD_CTX_new(void);
void wolfSSL_EVP_MD_CTX_free(WOLFSSL_EVP_MD_CTX *);
const WOLFSSL_EVP_MD *wolfSSL_EVP_sha256(void);
int wolfSSL_EVP_DigestSignInit(WOLFSSL_EVP_MD_CTX *, void *, const WOLFSSL_EVP_MD *, void *, WOLFSSL_EVP_PKEY *);
int wolfSSL_EVP_DigestSignUpdate(WOLFSSL_EVP_MD_CTX *, const void *, unsigned int);
int wolfSSL_EVP_DigestSignFinal(WOLFSSL_EVP_MD_CTX *, unsigned char *, size_t *);
int wolfSSL_EVP_DigestVerifyInit(WOLFSSL_EVP_MD_CTX *, void *, const WOLFSSL_EVP_MD *, void *, WOLFSSL_EVP_PKEY *);
int wolfSSL_EVP_DigestVerifyUpdate(WOLFSSL_EVP_MD_CTX *, const void *, size_t);
int wolfSSL_EVP_DigestVerifyFinal(WOLFSSL_EVP_MD_CTX *, const unsigned char *, size_t);
int wolfSSL_CTX_check_private_key(const WOLFSSL_CTX *);
int wolfSSL_CTX_use_PrivateKey_Label(WOLFSSL_CTX *, const char *, int);
int wolfSSL_CTX_use_PrivateKey_Id(WOLFSSL_CTX *, const unsigned char *, long, int);
void wolfSSL_CTX_set_verify(WOLFSSL_CTX *, int, VerifyCallback);
int wolfSSL_CTX_mutual_auth(WOLFSSL_CTX *, int);
int wolfSSL_CTX_set_cipher_list_bytes(WOLFSSL_CTX *, const unsigned char *, int);
int wolfSSL_CTX_SetMinRsaKey_Sz(WOLFSSL_CTX *, short);
int wolfSSL_CTX_set1_sigalgs_list(WOLFSSL_CTX *, const char *);
int wolfSSL_CTX_set1_curves_list(WOLFSSL_CTX *, const char *);
int wolfSSL_CTX_set_groups(WOLFSSL_CTX *, int *, int);
int wolfSSL_CTX_UseSupportedCurve(WOLFSSL_CTX *, unsigned short);
int wolfSSL_CTX_UseSessionTicket(WOLFSSL_CTX *);
int wolfSSL_CTX_set_TicketEncCb(WOLFSSL_CTX *, SessionTicketEncCb);
int wolfSSL_CTX_set_TicketEncCtx(WOLFSSL_CTX *, uintptr_t);
int wolfSSL_CTX_NoTicketTLSv12(WOLFSSL_CTX *);
int wolfSSL_CTX_no_ticket_TLSv13(WOLFSSL_CTX *);
int wolfSSL_CTX_set_TicketHint(WOLFSSL_CTX *, int);
int wolfSSL_CTX_set_timeout(WOLFSSL_CTX *, unsigned int);
int wolfSSL_CTX_add_client_CA(WOLFSSL_CTX *, WOLFSSL_X509 *);
WOLFSSL_X509 *wolfSSL_d2i_X509(WOLFSSL_X509 **, const unsigned char **, int);
void wolfSSL_X509_free(WOLFSSL_X509 *);
void wolfSSL_CTX_sess_set_get_cb(WOLFSSL_CTX *, SessionGetCb);
void wolfSSL_CTX_sess_set_new_cb(WOLFSSL_CTX *, SessionNewCb);
long wolfSSL_CTX_set_session_cache_mode(WOLFSSL_CTX *, long);
int wolfSSL_CTX_no_dhe_psk(WOLFSSL_CTX *);
void wolfSSL_CTX_set_psk_client_cs_callback(WOLFSSL_CTX *, wc_psk_client_cs_callback);
void wolfSSL_CTX_set_psk_server_tls13_callback(WOLFSSL_CTX *, wc_psk_server_tls13_callback);
int wolfSSL_CTX_allow_post_handshake_auth(WOLFSSL_CTX *);
int wolfSSL_CTX_load_verify_buffer_ex(WOLFSSL_CTX *, const unsigned char *, long, int, int, unsigned int);
WOLFSSL_CERT_MANAGER *wolfSSL_CTX_GetCertManager(WOLFSSL_CTX *);
int wolfSSL_CertManagerVerifyBuffer(WOLFSSL_CERT_MANAGER *, const unsigned char *, long, int);
int wolfSSL_CertManagerEnableCRL(WOLFSSL_CERT_MANAGER *, int);
int wolfSSL_CertManagerLoadCRLBuffer(WOLFSSL_CERT_MANAGER *, const unsigned char *, long, int);
int wolfSSL_CertManagerCheckCRL(WOLFSSL_CERT_MANAGER *, unsigned char *, int);

int wolfSSL_CTX_SetDevId(WOLFSSL_CTX *, int);
void wolfSSL_CTX_SetEccSignCb(WOLFSSL_CTX *, CallbackSign);
void wolfSSL_CTX_SetEd25519SignCb(WOLFSSL_CTX *, CallbackSign);
void wolfSSL_CTX_SetRsaSignCb(WOLFSSL_CTX *, CallbackSign);
void wolfSSL_CTX_SetRsaPssSignCb(WOLFSSL_CTX *, CallbackRsaPssSign);
void wolfSSL_CTX_SetRsaSignCheckCb(WOLFSSL_CTX *, CallbackRsaVerify);
void wolfSSL_CTX_SetRsaPssSignCheckCb(WOLFSSL_CTX *, CallbackRsaPssVerify);
void wolfSSL_CTX_SetEccKeyGenCb(WOLFSSL_CTX *, CallbackEccKeyGen);
void wolfSSL_CTX_SetX25519KeyGenCb(WOLFSSL_CTX *, CallbackX25519KeyGen);
void wolfSSL_CTX_SetX448KeyGenCb(WOLFSSL_CTX *, CallbackX25519KeyGen);

WOLFSSL *wolfSSL_new(WOLFSSL_CTX *);
void wolfSSL_free(WOLFSSL *);
void wolfSSL_SetIOReadCtx(WOLFSSL *, uintptr_t);
void wolfSSL_SetIOWriteCtx(WOLFSSL *, uintptr_t);
int wolfSSL_set_app_data(WOLFSSL *, uintptr_t);
uintptr_t wolfSSL_get_app_data(const WOLFSSL *);
int wolfSSL_set_min_proto_version(WOLFSSL *, int);
int wolfSSL_UseSNI(WOLFSSL *, unsigned char, const void *, unsigned short);
int wolfSSL_UseALPN(WOLFSSL *, char *, unsigned int, unsigned char);
int wolfSSL_ALPN_GetProtocol(WOLFSSL *, char **, unsigned short *);
void wolfSSL_KeepArrays(WOLFSSL *);
int wolfSSL_connect(WOLFSSL *);
int wolfSSL_accept(WOLFSSL *);
int wolfSSL_read(WOLFSSL *, void *, int);
int wolfSSL_write(WOLFSSL *, const void *, int);
int wolfSSL_pending(WOLFSSL *);
int wolfSSL_shutdown(WOLFSSL *);
int wolfSSL_get_error(WOLFSSL *, int);
int wolfSSL_get_alert_history(WOLFSSL *, WOLFSSL_ALERT_HISTORY *);
int wolfSSL_version(const WOLFSSL *);
int wolfSSL_get_current_cipher_suite(WOLFSSL *);
const char *wolfSSL_get_curve_name(WOLFSSL *);
int wolfSSL_export_keying_material(WOLFSSL *, unsigned char *, size_t, const char *, size_t, const unsigned char *, size_t,
    int);
size_t wolfSSL_get_finished(const WOLFSSL *, void *, size_t);
size_t wolfSSL_get_peer_finished(const WOLFSSL *, void *, size_t);
int wolfSSL_get_keys(WOLFSSL *, unsigned char **, unsigned int *, unsigned char **, unsigned int *, unsigned char **,
    unsigned int *);
void wolfSSL_SetEccSignCtx(WOLFSSL *, uintptr_t);
void wolfSSL_SetEd25519SignCtx(WOLFSSL *, uintptr_t);
void wolfSSL_SetRsaSignCtx(WOLFSSL *, uintptr_t);
void wolfSSL_SetRsaPssSignCtx(WOLFSSL *, uintptr_t);
void wolfSSL_SetEccKeyGenCtx(WOLFSSL *, uintptr_t);
void wolfSSL_SetX25519KeyGenCtx(WOLFSSL *, uintptr_t);
void wolfSSL_SetX448KeyGenCtx(WOLFSSL *, uintptr_t);
void *wolfSSL_GetRNG(WOLFSSL *);
int wolfSSL_update_keys(WOLFSSL *);
int wolfSSL_request_certificate(WOLFSSL *);
void wolfSSL_set_verify(WOLFSSL *, int, VerifyCallback);
int wolfSSL_send_SessionTicket(WOLFSSL *);

WOLFSSL_SESSION *wolfSSL_get_session(WOLFSSL *);
WOLFSSL_SESSION *wolfSSL_get1_session(WOLFSSL *);
int wolfSSL_set_session(WOLFSSL *, WOLFSSL_SESSION *);
long wolfSSL_SSL_SESSION_set_timeout(WOLFSSL_SESSION *, long);
int wolfSSL_session_reused(WOLFSSL *);
void wolfSSL_SESSION_free(WOLFSSL_SESSION *);
const unsigned char *wolfSSL_SESSION_get_id(const WOLFSSL_SESSION *, unsigned int *);
int wolfSSL_set_SessionTicket(WOLFSSL *, const unsigned char *, unsigned int);
int wolfSSL_get_SessionTicket(WOLFSSL *, unsigned char *, unsigned int *);
unsigned long wolfSSL_SESSION_get_ticket_lifetime_hint(const WOLFSSL_SESSION *);
int wolfSSL_i2d_SSL_SESSION(WOLFSSL_SESSION *, unsigned char **);
WOLFSSL_SESSION *wolfSSL_d2i_SSL_SESSION(WOLFSSL_SESSION **, const unsigned char **, long);

WOLFSSL_X509_CHAIN *wolfSSL_get_peer_chain(WOLFSSL *);
WOLFSSL_X509_CHAIN *wolfSSL_get_peer_alt_chain(WOLFSSL *);
int wolfSSL_get_chain_count(WOLFSSL_X509_CHAIN *);
int wolfSSL_get_chain_length(WOLFSSL_X509_CHAIN *, int);
unsigned char *wolfSSL_get_chain_cert(WOLFSSL_X509_CHAIN *, int);
void *wolfSSL_X509_STORE_CTX_get_ex_data(WOLFSSL_X509_STORE_CTX *, int);
int wolfSSL_get_ex_data_X509_STORE_CTX_idx(void);
int wolfSSL_X509_STORE_CTX_get_error_depth(WOLFSSL_X509_STORE_CTX *);
int wolfSSL_X509_STORE_CTX_get_error(WOLFSSL_X509_STORE_CTX *);
WOLFSSL_X509 *wolfSSL_X509_STORE_CTX_get_current_cert(WOLFSSL_X509_STORE_CTX *);
WOLFSSL_STACK *wolfSSL_X509_STORE_GetCerts(WOLFSSL_X509_STORE_CTX *);
int wolfSSL_sk_X509_num(const WOLFSSL_STACK *);
WOLFSSL_X509 *wolfSSL_sk_X509_value(WOLFSSL_STACK *, int);
void wolfSSL_sk_X509_pop_free(WOLFSSL_STACK *, void *);
const unsigned char *wolfSSL_X509_get_der(WOLFSSL_X509 *, int *);

int wolfSSL_get_ciphers(char *, int);
int wolfSSL_get_cipher_suite_from_name(const char *, unsigned char *, unsigned char *, int *);
const char *wolfSSL_get_cipher_name_from_suite(unsigned char, unsigned char);

int wc_ChaCha20Poly1305_Encrypt(const unsigned char *, const unsigned char *, const unsigned char *, unsigned int,
    const unsigned char *, unsigned int, unsigned char *, unsigned char *);
int wc_ChaCha20Poly1305_Decrypt(const unsigned char *, const unsigned char *, const unsigned char *, unsigned int,
    const unsigned char *, unsigned int, const unsigned char *, unsigned char *);

int wc_InitSha256_ex(void *, void *, int);
int wc_Sha256Update(void *, const unsigned char *, unsigned int);
void wc_Sha256Free(void *);
void wc_ecc_fp_free(void);
int wc_ecc_make_key_ex(void *, int, void *, int);
int wc_ecc_export_x963(void *, unsigned char *, unsigned int *);
int wc_curve25519_make_key(void *, int, void *);
int wc_curve25519_export_public_ex(void *, unsigned char *, unsigned int *, int);
int wc_curve448_make_key(void *, int, void *);
int wc_curve448_export_public_ex(void *, unsigned char *, unsigned int *, int);

int wc_Pkcs11Token_Init_NoLogin(void *, void *, int, const char *);
int wc_Pkcs11_CryptoDevCb(int, void *, void *);
int wc_CryptoCb_RegisterDevice(int, void *, void *);
void wc_CryptoCb_UnRegisterDevice(int);

typedef struct { unsigned long type; void *value; unsigned long size; } CK_ATTRIBUTE;
typedef struct {
    unsigned char label[32]; unsigned char manufacturer[32]; unsigned char model[16]; unsigned char serial[16];
    unsigned long flags; unsigned long counts[10]; unsigned char versions[4]; unsigned char time[16];
} CK_TOKEN_INFO;
typedef struct { void *handle; void *functions; void *heap; void *room[29]; } Pkcs11Dev;
typedef struct {
    unsigned char version[2];
    unsigned long (*C_Initialize)(void *);
    void *C_Finalize;
    void *C_GetInfo;
    void *C_GetFunctionList;
    unsigned long (*C_GetSlotList)(unsigned char, unsigned long *, unsigned long *);
    void *C_GetSlotInfo;
    unsigned long (*C_GetTokenInfo)(unsigned long, CK_TOKEN_INFO *);
    void *C_GetMechanismList;
    void *C_GetMechanismInfo;
    void *C_InitToken;
    void *C_InitPIN;
    void *C_SetPIN;
    unsigned long (*C_OpenSession)(unsigned long, unsigned long, void *, void *, unsigned long *);
    unsigned long (*C_CloseSession)(unsigned long);
    void *C_CloseAllSessions;
    void *C_GetSessionInfo;
    void *C_GetOperationState;
    void *C_SetOperationState;
    unsigned long (*C_Login)(unsigned long, unsigned long, const unsigned char *, unsigned long);
    void *C_Logout;
    void *C_CreateObject;
    void *C_CopyObject;
    void *C_DestroyObject;
    void *C_GetObjectSize;
    unsigned long (*C_GetAttributeValue)(unsigned long, unsigned long, CK_ATTRIBUTE *, unsigned long);
    void *C_SetAttributeValue;
    unsigned long (*C_FindObjectsInit)(unsigned long, CK_ATTRIBUTE *, unsigned long);
    unsigned long (*C_FindObjects)(unsigned long, unsigned long *, unsigned long, unsigned long *);
    unsigned long (*C_FindObjectsFinal)(unsigned long);
} CK_FUNCTION_LIST;
unsigned long C_GetFunctionList(CK_FUNCTION_LIST **);
"""

if __name__ == "__main__":
    sys.exit(run("wolfssl", DECLARATIONS))
