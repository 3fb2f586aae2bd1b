"""Writes the bindings of Mbed TLS (its headers ssl.h, x509_crt.h, x509_crl.h, pk.h, ssl_ticket.h, version.h, debug.h).

One text serves 2.28 and 3.6: what has the same name and another signature in each is declared as a pointer type, and cast
in `native`. Structures are opaque but for their first fields, and larger than any build makes them: how large they really are is
looked at when the library is loaded. A pointer that a callback is handed back is declared as the number that we pass in it.
"""

from __future__ import annotations

import sys

from _emit import run

DECLARATIONS = """
typedef struct { int tag; size_t len; unsigned char *p; } mbedtls_x509_buf;
typedef struct { int own_buffer; mbedtls_x509_buf raw; char rest[2016]; } mbedtls_x509_crt;
typedef struct { const void *pk_info; void *pk_ctx; char rest[240]; } mbedtls_pk_context;
typedef struct { int type; const char *name; void *functions[10]; } mbedtls_pk_info_t;
typedef struct {
    uint32_t allowed_mds;
    uint32_t allowed_pks;
    uint32_t allowed_curves;
    uint32_t rsa_min_bitlen;
} mbedtls_x509_crt_profile;
typedef struct { void *rest[256]; } mbedtls_ssl_context;
typedef struct { void *rest[256]; } mbedtls_ssl_config;
typedef struct { void *rest[256]; } mbedtls_ssl_session;
typedef struct { void *rest[256]; } mbedtls_ssl_ticket_context;
typedef struct { void *rest[256]; } mbedtls_ssl_cache_context;
typedef struct { void *rest[256]; } mbedtls_x509_crl;

typedef int (*rng_t)(size_t p_rng, unsigned char *output, size_t size);
typedef int (*send_t)(size_t p_bio, const unsigned char *data, size_t size);
typedef int (*receive_t)(size_t p_bio, unsigned char *buffer, size_t size);
typedef int (*verify_t)(size_t p_vrfy, mbedtls_x509_crt *certificate, int depth, uint32_t *flags);
typedef void (*debug_t)(size_t p_dbg, int level, const char *file, int line, const char *text);
typedef int (*extension_t)(void *context, const mbedtls_x509_crt *certificate, const mbedtls_x509_buf *oid, int critical,
    const unsigned char *begin, const unsigned char *end);
typedef int (*export_2_t)(size_t p_expkey, const unsigned char *master, const unsigned char *key_block, size_t mac_size,
    size_t key_size, size_t iv_size, const unsigned char *client_random, const unsigned char *server_random, int prf);
typedef void (*export_3_t)(size_t p_export_keys, int type, const unsigned char *secret, size_t size,
    const unsigned char *client_random, const unsigned char *server_random, int prf);
typedef int (*sign_2_t)(size_t context, int digest, const unsigned char *hash, size_t hash_size, unsigned char *signature,
    size_t *size, rng_t f_rng, size_t p_rng);
typedef int (*sign_3_t)(mbedtls_pk_context *key, int digest, const unsigned char *hash, size_t hash_size,
    unsigned char *signature, size_t room, size_t *size, rng_t f_rng, size_t p_rng);
typedef int (*ticket_write_t)(void *p_ticket, const mbedtls_ssl_session *session, unsigned char *start,
    const unsigned char *end, size_t *size, uint32_t *lifetime);
typedef int (*ticket_parse_t)(void *p_ticket, mbedtls_ssl_session *session, unsigned char *ticket, size_t size);

typedef int (*parse_key_2_t)(mbedtls_pk_context *, const unsigned char *, size_t, const unsigned char *, size_t);
typedef int (*parse_key_3_t)(mbedtls_pk_context *, const unsigned char *, size_t, const unsigned char *, size_t, rng_t,
    size_t);
typedef int (*check_pair_2_t)(const mbedtls_pk_context *, const mbedtls_pk_context *);
typedef int (*check_pair_3_t)(const mbedtls_pk_context *, const mbedtls_pk_context *, rng_t, size_t);

unsigned int mbedtls_version_get_number(void);
void mbedtls_version_get_string_full(char *text);
int mbedtls_version_check_feature(const char *feature);
void mbedtls_strerror(int code, char *buffer, size_t size);
void mbedtls_debug_set_threshold(int threshold);

void mbedtls_x509_crt_init(mbedtls_x509_crt *);
void mbedtls_x509_crt_free(mbedtls_x509_crt *);
int mbedtls_x509_crt_parse_der(mbedtls_x509_crt *, const unsigned char *, size_t);
int mbedtls_x509_crt_parse_der_with_ext_cb(mbedtls_x509_crt *, const unsigned char *, size_t, int, extension_t, void *);
int mbedtls_x509_crt_check_key_usage(const mbedtls_x509_crt *, unsigned int usage);
int mbedtls_x509_crt_check_extended_key_usage(const mbedtls_x509_crt *, const char *oid, size_t);
void mbedtls_x509_crl_init(mbedtls_x509_crl *);
void mbedtls_x509_crl_free(mbedtls_x509_crl *);
int mbedtls_x509_crl_parse_der(mbedtls_x509_crl *, const unsigned char *, size_t);
void mbedtls_pk_init(mbedtls_pk_context *);
void mbedtls_pk_free(mbedtls_pk_context *);
int mbedtls_pk_parse_key();
int mbedtls_pk_check_pair();
int mbedtls_pk_parse_public_key(mbedtls_pk_context *, const unsigned char *, size_t);

const int *mbedtls_ssl_list_ciphersuites(void);
const char *mbedtls_ssl_get_ciphersuite_name(int);
int mbedtls_ssl_get_ciphersuite_id(const char *);

void mbedtls_ssl_config_init(mbedtls_ssl_config *);
void mbedtls_ssl_config_free(mbedtls_ssl_config *);
int mbedtls_ssl_config_defaults(mbedtls_ssl_config *, int endpoint, int transport, int preset);
void mbedtls_ssl_conf_rng(mbedtls_ssl_config *, rng_t, size_t);
void mbedtls_ssl_conf_dbg(mbedtls_ssl_config *, debug_t, size_t);
void mbedtls_ssl_conf_authmode(mbedtls_ssl_config *, int);
void mbedtls_ssl_conf_cert_profile(mbedtls_ssl_config *, const mbedtls_x509_crt_profile *);
void mbedtls_ssl_conf_ca_chain(mbedtls_ssl_config *, mbedtls_x509_crt *, mbedtls_x509_crl *);
int mbedtls_ssl_conf_own_cert(mbedtls_ssl_config *, mbedtls_x509_crt *, mbedtls_pk_context *);
void mbedtls_ssl_conf_ciphersuites(mbedtls_ssl_config *, const int *);
void mbedtls_ssl_conf_curves(mbedtls_ssl_config *, const int *);
void mbedtls_ssl_conf_sig_hashes(mbedtls_ssl_config *, const int *);
void mbedtls_ssl_conf_groups(mbedtls_ssl_config *, const uint16_t *);
void mbedtls_ssl_conf_sig_algs(mbedtls_ssl_config *, const uint16_t *);
int mbedtls_ssl_conf_alpn_protocols(mbedtls_ssl_config *, const char **);
void mbedtls_ssl_conf_min_version(mbedtls_ssl_config *, int major, int minor);
void mbedtls_ssl_conf_max_version(mbedtls_ssl_config *, int major, int minor);
void mbedtls_ssl_conf_tls13_key_exchange_modes(mbedtls_ssl_config *, int);
void mbedtls_ssl_conf_dhm_min_bitlen(mbedtls_ssl_config *, unsigned int);
void mbedtls_ssl_conf_session_tickets(mbedtls_ssl_config *, int);
void mbedtls_ssl_conf_session_tickets_cb(mbedtls_ssl_config *, ticket_write_t, ticket_parse_t, void *);
void mbedtls_ssl_conf_new_session_tickets(mbedtls_ssl_config *, uint16_t);
void mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(mbedtls_ssl_config *, int);
void mbedtls_ssl_conf_export_keys_ext_cb(mbedtls_ssl_config *, export_2_t, size_t);
void mbedtls_ssl_conf_session_cache(mbedtls_ssl_config *, void *, void *, void *);
void mbedtls_ssl_cache_init(mbedtls_ssl_cache_context *);
void mbedtls_ssl_cache_free(mbedtls_ssl_cache_context *);
void mbedtls_ssl_cache_set_timeout(mbedtls_ssl_cache_context *, int);
void mbedtls_ssl_cache_set_max_entries(mbedtls_ssl_cache_context *, int);
int mbedtls_ssl_cache_get();
int mbedtls_ssl_cache_set();
void mbedtls_ssl_ticket_init(mbedtls_ssl_ticket_context *);
void mbedtls_ssl_ticket_free(mbedtls_ssl_ticket_context *);
int mbedtls_ssl_ticket_setup(mbedtls_ssl_ticket_context *, rng_t, size_t, int cipher, uint32_t lifetime);
int mbedtls_ssl_ticket_rotate(mbedtls_ssl_ticket_context *, const unsigned char *, size_t, const unsigned char *, size_t,
    uint32_t lifetime);
int mbedtls_ssl_ticket_write(void *, const mbedtls_ssl_session *, unsigned char *, const unsigned char *, size_t *,
    uint32_t *);
int mbedtls_ssl_ticket_parse(void *, mbedtls_ssl_session *, unsigned char *, size_t);

void mbedtls_ssl_init(mbedtls_ssl_context *);
void mbedtls_ssl_free(mbedtls_ssl_context *);
int mbedtls_ssl_setup(mbedtls_ssl_context *, const mbedtls_ssl_config *);
int mbedtls_ssl_set_hostname(mbedtls_ssl_context *, const char *);
void mbedtls_ssl_set_bio(mbedtls_ssl_context *, size_t, send_t, receive_t, void *);
void mbedtls_ssl_set_verify(mbedtls_ssl_context *, verify_t, size_t);
void mbedtls_ssl_set_export_keys_cb(mbedtls_ssl_context *, export_3_t, size_t);
int mbedtls_ssl_handshake(mbedtls_ssl_context *);
int mbedtls_ssl_read(mbedtls_ssl_context *, unsigned char *, size_t);
int mbedtls_ssl_write(mbedtls_ssl_context *, const unsigned char *, size_t);
int mbedtls_ssl_close_notify(mbedtls_ssl_context *);
int mbedtls_ssl_send_alert_message(mbedtls_ssl_context *, unsigned char level, unsigned char message);
size_t mbedtls_ssl_get_bytes_avail(const mbedtls_ssl_context *);
uint32_t mbedtls_ssl_get_verify_result(const mbedtls_ssl_context *);
const char *mbedtls_ssl_get_ciphersuite(const mbedtls_ssl_context *);
const char *mbedtls_ssl_get_version(const mbedtls_ssl_context *);
const char *mbedtls_ssl_get_alpn_protocol(const mbedtls_ssl_context *);
const mbedtls_x509_crt *mbedtls_ssl_get_peer_cert(const mbedtls_ssl_context *);
int mbedtls_ssl_tls_prf(int prf, const unsigned char *, size_t, const char *, const unsigned char *, size_t,
    unsigned char *, size_t);
int mbedtls_ssl_export_keying_material(mbedtls_ssl_context *, unsigned char *, size_t, const char *, size_t,
    const unsigned char *, size_t, int);

int mbedtls_ssl_get_handshake_transcript(mbedtls_ssl_context *, int digest, unsigned char *, size_t, size_t *);

void mbedtls_ssl_session_init(mbedtls_ssl_session *);
void mbedtls_ssl_session_free(mbedtls_ssl_session *);
int mbedtls_ssl_get_session(const mbedtls_ssl_context *, mbedtls_ssl_session *);
int mbedtls_ssl_set_session(mbedtls_ssl_context *, const mbedtls_ssl_session *);
int mbedtls_ssl_session_save(const mbedtls_ssl_session *, unsigned char *, size_t, size_t *);
int mbedtls_ssl_session_load(mbedtls_ssl_session *, const unsigned char *, size_t);

int psa_crypto_init(void);
void mbedtls_psa_crypto_free(void);
int psa_random_reseed(const uint8_t *, size_t);
"""

if __name__ == "__main__":
    sys.exit(run("mbedtls", DECLARATIONS))
