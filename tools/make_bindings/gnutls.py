"""Writes the bindings of GnuTLS: ``src/unitls/backends/gnutls/_bindings.py``.

The declarations follow gnutls/gnutls.h, abstract.h, x509.h, ocsp.h, pkcs11.h and crypto.h of 3.7 and hold for 3.8. Two things
differ on purpose: enumerations are plain integers, and the pointers that the library only hands back to callbacks
(transport, session and user data) are ``uintptr_t``, since what unitls gives it there is a number; ``time_t`` is
``intptr_t``, which has its size wherever both are 64 bits wide, and on the older 32-bit systems.

Usage::

    python tools/make_bindings/gnutls.py            # write the module
    python tools/make_bindings/gnutls.py --check    # change nothing; exit status 1 if the module is out of date
"""

from __future__ import annotations

import sys
from typing import Final

from _emit import run

DECLARATIONS: Final = """
typedef struct { unsigned char *data; unsigned int size; } gnutls_datum_t;
typedef struct { unsigned int type; unsigned char *data; unsigned int size; } gnutls_typed_vdata_st;
typedef struct gnutls_session_int *gnutls_session_t;
typedef struct gnutls_priority_st *gnutls_priority_t;
typedef struct gnutls_certificate_credentials_st *gnutls_certificate_credentials_t;
typedef struct gnutls_psk_server_credentials_st *gnutls_psk_server_credentials_t;
typedef struct gnutls_psk_client_credentials_st *gnutls_psk_client_credentials_t;
typedef struct gnutls_privkey_st *gnutls_privkey_t;
typedef struct gnutls_pubkey_st *gnutls_pubkey_t;
typedef struct { gnutls_pubkey_t pubkey; gnutls_datum_t cert; int type; } gnutls_pcert_st;
typedef struct gnutls_x509_crt_int *gnutls_x509_crt_t;
typedef struct gnutls_x509_crl_int *gnutls_x509_crl_t;
typedef struct gnutls_x509_trust_list_st *gnutls_x509_trust_list_t;
typedef struct gnutls_x509_trust_list_iter *gnutls_x509_trust_list_iter_t;
typedef struct gnutls_ocsp_resp_int *gnutls_ocsp_resp_t;
typedef struct gnutls_anti_replay_st *gnutls_anti_replay_t;

typedef ssize_t (*gnutls_pull_func)(uintptr_t, void *, size_t);
typedef ssize_t (*gnutls_push_func)(uintptr_t, const void *, size_t);
typedef int (*gnutls_pull_timeout_func)(uintptr_t, unsigned int);
typedef int (*gnutls_verify_function)(gnutls_session_t);
typedef int (*gnutls_verify_output_function)(gnutls_x509_crt_t, gnutls_x509_crt_t, gnutls_x509_crl_t, unsigned int);
typedef int (*gnutls_keylog_func)(gnutls_session_t, const char *, const gnutls_datum_t *);
typedef int (*gnutls_handshake_hook_func)(gnutls_session_t, unsigned int, unsigned int, unsigned int,
    const gnutls_datum_t *);
typedef int (*gnutls_status_request_ocsp_func)(gnutls_session_t, uintptr_t, gnutls_datum_t *);
typedef int (*gnutls_certificate_retrieve_function2)(gnutls_session_t, const gnutls_datum_t *, int, const int *, int,
    gnutls_pcert_st **, unsigned int *, gnutls_privkey_t *);
typedef int (*gnutls_pin_callback_t)(uintptr_t, int, const char *, const char *, unsigned int, char *, size_t);
typedef int (*gnutls_privkey_sign_func)(gnutls_privkey_t, int, uintptr_t, unsigned int, const gnutls_datum_t *,
    gnutls_datum_t *);
typedef int (*gnutls_privkey_decrypt_func)(gnutls_privkey_t, uintptr_t, const gnutls_datum_t *, gnutls_datum_t *);
typedef void (*gnutls_privkey_deinit_func)(gnutls_privkey_t, uintptr_t);
typedef int (*gnutls_privkey_info_func)(gnutls_privkey_t, unsigned int, uintptr_t);
typedef int (*gnutls_psk_server_credentials_function2)(gnutls_session_t, const gnutls_datum_t *, gnutls_datum_t *);
typedef int (*gnutls_db_store_func)(uintptr_t, gnutls_datum_t, gnutls_datum_t);
typedef int (*gnutls_db_remove_func)(uintptr_t, gnutls_datum_t);
typedef gnutls_datum_t (*gnutls_db_retr_func)(uintptr_t, gnutls_datum_t);
typedef int (*gnutls_db_add_func)(uintptr_t, intptr_t, const gnutls_datum_t *, const gnutls_datum_t *);

extern void *(*gnutls_malloc)(size_t);
extern void (*gnutls_free)(void *);

const char *gnutls_check_version(const char *);
const char *gnutls_strerror(int);
const char *gnutls_strerror_name(int);
unsigned int gnutls_fips140_mode_enabled(void);

int gnutls_init(gnutls_session_t *, unsigned int);
void gnutls_deinit(gnutls_session_t);
void gnutls_session_set_ptr(gnutls_session_t, uintptr_t);
uintptr_t gnutls_session_get_ptr(gnutls_session_t);
void gnutls_transport_set_ptr(gnutls_session_t, uintptr_t);
void gnutls_transport_set_pull_function(gnutls_session_t, gnutls_pull_func);
void gnutls_transport_set_push_function(gnutls_session_t, gnutls_push_func);
void gnutls_transport_set_pull_timeout_function(gnutls_session_t, gnutls_pull_timeout_func);
void gnutls_handshake_set_timeout(gnutls_session_t, unsigned int);
int gnutls_handshake(gnutls_session_t);
ssize_t gnutls_record_recv(gnutls_session_t, void *, size_t);
ssize_t gnutls_record_send(gnutls_session_t, const void *, size_t);
size_t gnutls_record_check_pending(gnutls_session_t);
int gnutls_bye(gnutls_session_t, int);
int gnutls_alert_get(gnutls_session_t);
int gnutls_alert_send(gnutls_session_t, int, int);
int gnutls_alert_send_appropriate(gnutls_session_t, int);

int gnutls_priority_init2(gnutls_priority_t *, const char *, const char **, unsigned int);
void gnutls_priority_deinit(gnutls_priority_t);
int gnutls_priority_set(gnutls_session_t, gnutls_priority_t);
int gnutls_priority_get_cipher_suite_index(gnutls_priority_t, unsigned int, unsigned int *);
const char *gnutls_cipher_suite_info(size_t, unsigned char *, int *, int *, int *, int *);
const char *gnutls_cipher_get_name(int);
const char *gnutls_kx_get_name(int);
const char *gnutls_mac_get_name(int);
int gnutls_group_get_id(const char *);
int gnutls_sign_get_id(const char *);

int gnutls_protocol_get_version(gnutls_session_t);
int gnutls_cipher_get(gnutls_session_t);
int gnutls_kx_get(gnutls_session_t);
int gnutls_mac_get(gnutls_session_t);
int gnutls_group_get(gnutls_session_t);
int gnutls_server_name_set(gnutls_session_t, int, const void *, size_t);
int gnutls_alpn_set_protocols(gnutls_session_t, const gnutls_datum_t *, unsigned int, unsigned int);
int gnutls_alpn_get_selected_protocol(gnutls_session_t, gnutls_datum_t *);
void gnutls_handshake_set_hook_function(gnutls_session_t, unsigned int, int, gnutls_handshake_hook_func);
void gnutls_session_get_random(gnutls_session_t, gnutls_datum_t *, gnutls_datum_t *);
void gnutls_session_set_keylog_function(gnutls_session_t, gnutls_keylog_func);
int gnutls_prf_rfc5705(gnutls_session_t, size_t, const char *, size_t, const char *, size_t, char *);
int gnutls_session_channel_binding(gnutls_session_t, int, gnutls_datum_t *);
int gnutls_session_key_update(gnutls_session_t, unsigned int);
int gnutls_reauth(gnutls_session_t, unsigned int);

int gnutls_session_get_data2(gnutls_session_t, gnutls_datum_t *);
int gnutls_session_set_data(gnutls_session_t, const void *, size_t);
int gnutls_session_is_resumed(gnutls_session_t);
unsigned int gnutls_session_get_flags(gnutls_session_t);
int gnutls_session_ticket_key_generate(gnutls_datum_t *);
int gnutls_session_ticket_enable_server(gnutls_session_t, const gnutls_datum_t *);
int gnutls_session_ticket_send(gnutls_session_t, unsigned int, unsigned int);

void gnutls_db_set_ptr(gnutls_session_t, uintptr_t);
void gnutls_db_set_store_function(gnutls_session_t, gnutls_db_store_func);
void gnutls_db_set_retrieve_function(gnutls_session_t, gnutls_db_retr_func);
void gnutls_db_set_remove_function(gnutls_session_t, gnutls_db_remove_func);

int gnutls_record_set_max_early_data_size(gnutls_session_t, size_t);
ssize_t gnutls_record_send_early_data(gnutls_session_t, const void *, size_t);
ssize_t gnutls_record_recv_early_data(gnutls_session_t, void *, size_t);
int gnutls_anti_replay_init(gnutls_anti_replay_t *);
void gnutls_anti_replay_deinit(gnutls_anti_replay_t);
void gnutls_anti_replay_set_add_function(gnutls_anti_replay_t, gnutls_db_add_func);
void gnutls_anti_replay_set_ptr(gnutls_anti_replay_t, uintptr_t);
void gnutls_anti_replay_enable(gnutls_session_t, gnutls_anti_replay_t);

int gnutls_credentials_set(gnutls_session_t, int, void *);
int gnutls_certificate_allocate_credentials(gnutls_certificate_credentials_t *);
void gnutls_certificate_free_credentials(gnutls_certificate_credentials_t);
void gnutls_certificate_set_flags(gnutls_certificate_credentials_t, unsigned int);
int gnutls_certificate_set_key(gnutls_certificate_credentials_t, const char **, int, gnutls_pcert_st *, int,
    gnutls_privkey_t);
int gnutls_certificate_set_x509_trust_mem(gnutls_certificate_credentials_t, const gnutls_datum_t *, int);
void gnutls_certificate_get_trust_list(gnutls_certificate_credentials_t, gnutls_x509_trust_list_t *);
int gnutls_certificate_set_known_dh_params(gnutls_certificate_credentials_t, int);
void gnutls_certificate_set_verify_flags(gnutls_certificate_credentials_t, unsigned int);
void gnutls_certificate_set_retrieve_function2(gnutls_certificate_credentials_t, gnutls_certificate_retrieve_function2);
int gnutls_certificate_set_ocsp_status_request_function2(gnutls_certificate_credentials_t, unsigned int,
    gnutls_status_request_ocsp_func, uintptr_t);
void gnutls_certificate_server_set_request(gnutls_session_t, int);
const gnutls_datum_t *gnutls_certificate_get_peers(gnutls_session_t, unsigned int *);
int gnutls_certificate_verify_peers(gnutls_session_t, gnutls_typed_vdata_st *, unsigned int, unsigned int *);
int gnutls_certificate_verification_status_print(unsigned int, int, gnutls_datum_t *, unsigned int);
void gnutls_session_set_verify_function(gnutls_session_t, gnutls_verify_function);
void gnutls_session_set_verify_output_function(gnutls_session_t, gnutls_verify_output_function);
int gnutls_ocsp_status_request_enable_client(gnutls_session_t, gnutls_datum_t *, size_t, gnutls_datum_t *);
int gnutls_ocsp_status_request_get2(gnutls_session_t, unsigned int, gnutls_datum_t *);

int gnutls_psk_allocate_client_credentials(gnutls_psk_client_credentials_t *);
int gnutls_psk_allocate_client_credentials2(gnutls_psk_client_credentials_t *, int);
void gnutls_psk_free_client_credentials(gnutls_psk_client_credentials_t);
int gnutls_psk_set_client_credentials2(gnutls_psk_client_credentials_t, const gnutls_datum_t *, const gnutls_datum_t *, int);
int gnutls_psk_allocate_server_credentials(gnutls_psk_server_credentials_t *);
int gnutls_psk_allocate_server_credentials2(gnutls_psk_server_credentials_t *, int);
void gnutls_psk_free_server_credentials(gnutls_psk_server_credentials_t);
void gnutls_psk_set_server_credentials_function2(gnutls_psk_server_credentials_t, gnutls_psk_server_credentials_function2);

int gnutls_pcert_import_x509_raw(gnutls_pcert_st *, const gnutls_datum_t *, int, unsigned int);
void gnutls_pcert_deinit(gnutls_pcert_st *);
int gnutls_privkey_init(gnutls_privkey_t *);
void gnutls_privkey_deinit(gnutls_privkey_t);
int gnutls_privkey_import_x509_raw(gnutls_privkey_t, const gnutls_datum_t *, int, const char *, unsigned int);
int gnutls_privkey_import_ext4(gnutls_privkey_t, uintptr_t, gnutls_privkey_sign_func, gnutls_privkey_sign_func,
    gnutls_privkey_decrypt_func, gnutls_privkey_deinit_func, gnutls_privkey_info_func, unsigned int);
int gnutls_privkey_import_url(gnutls_privkey_t, const char *, unsigned int);
void gnutls_privkey_set_pin_function(gnutls_privkey_t, gnutls_pin_callback_t, uintptr_t);
int gnutls_privkey_get_pk_algorithm(gnutls_privkey_t, unsigned int *);
int gnutls_pubkey_init(gnutls_pubkey_t *);
void gnutls_pubkey_deinit(gnutls_pubkey_t);
int gnutls_pubkey_import(gnutls_pubkey_t, const gnutls_datum_t *, int);
int gnutls_pubkey_get_pk_algorithm(gnutls_pubkey_t, unsigned int *);
int gnutls_pubkey_verify_data2(gnutls_pubkey_t, int, unsigned int, const gnutls_datum_t *, const gnutls_datum_t *);
int gnutls_privkey_sign_data2(gnutls_privkey_t, int, unsigned int, const gnutls_datum_t *, gnutls_datum_t *);
int gnutls_pkcs11_init(unsigned int, const char *);
int gnutls_pkcs11_add_provider(const char *, const char *);

int gnutls_x509_crt_init(gnutls_x509_crt_t *);
void gnutls_x509_crt_deinit(gnutls_x509_crt_t);
int gnutls_x509_crt_import(gnutls_x509_crt_t, const gnutls_datum_t *, int);
int gnutls_x509_crt_import_url(gnutls_x509_crt_t, const char *, unsigned int);
int gnutls_x509_crt_export2(gnutls_x509_crt_t, int, gnutls_datum_t *);
int gnutls_x509_crt_get_raw_dn(gnutls_x509_crt_t, gnutls_datum_t *);
unsigned int gnutls_x509_crt_check_key_purpose(gnutls_x509_crt_t, const char *, unsigned int);
int gnutls_x509_crt_check_revocation(gnutls_x509_crt_t, const gnutls_x509_crl_t *, unsigned int);
int gnutls_x509_trust_list_iter_get_ca(gnutls_x509_trust_list_t, gnutls_x509_trust_list_iter_t *, gnutls_x509_crt_t *);
void gnutls_x509_trust_list_iter_deinit(gnutls_x509_trust_list_iter_t);
int gnutls_x509_crl_init(gnutls_x509_crl_t *);
void gnutls_x509_crl_deinit(gnutls_x509_crl_t);
int gnutls_x509_crl_import(gnutls_x509_crl_t, const gnutls_datum_t *, int);
int gnutls_x509_crl_get_raw_issuer_dn(gnutls_x509_crl_t, gnutls_datum_t *);
intptr_t gnutls_x509_crl_get_this_update(gnutls_x509_crl_t);
intptr_t gnutls_x509_crl_get_next_update(gnutls_x509_crl_t);
int gnutls_x509_crl_verify(gnutls_x509_crl_t, const gnutls_x509_crt_t *, unsigned int, unsigned int, unsigned int *);

int gnutls_ocsp_resp_init(gnutls_ocsp_resp_t *);
void gnutls_ocsp_resp_deinit(gnutls_ocsp_resp_t);
int gnutls_ocsp_resp_import(gnutls_ocsp_resp_t, const gnutls_datum_t *);
int gnutls_ocsp_resp_get_status(gnutls_ocsp_resp_t);
int gnutls_ocsp_resp_get_certs(gnutls_ocsp_resp_t, gnutls_x509_crt_t **, size_t *);
int gnutls_ocsp_resp_get_signature_algorithm(gnutls_ocsp_resp_t);
unsigned int gnutls_sign_is_secure2(int, unsigned int);
int gnutls_ocsp_resp_check_crt(gnutls_ocsp_resp_t, unsigned int, gnutls_x509_crt_t);
int gnutls_ocsp_resp_get_single(gnutls_ocsp_resp_t, unsigned int, int *, gnutls_datum_t *, gnutls_datum_t *,
    gnutls_datum_t *, unsigned int *, intptr_t *, intptr_t *, intptr_t *, unsigned int *);
int gnutls_ocsp_resp_verify_direct(gnutls_ocsp_resp_t, gnutls_x509_crt_t, unsigned int *, unsigned int);
"""

if __name__ == "__main__":
    sys.exit(run("gnutls", DECLARATIONS))
