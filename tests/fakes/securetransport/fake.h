/* A stand-in for Security.framework and CoreFoundation over OpenSSL 3, for tests on systems without them.
 *
 * It has the C functions that unitls calls, with the behaviour that Apple documents, so that a handshake through it is a
 * real one on the wire. It is no more than that: not safe for anything but tests.
 */
#ifndef FAKE_H
#define FAKE_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef int32_t OSStatus;
typedef unsigned char Boolean;
typedef long CFIndex;

enum { errSecParam = -50, errSecBadReq = -909 };
enum {
    errSSLProtocol = -9800, errSSLNegotiation = -9801, errSSLWouldBlock = -9803, errSSLClosedGraceful = -9805,
    errSSLClosedAbort = -9806, errSSLXCertChainInvalid = -9807, errSSLInternal = -9810, errSSLClosedNoNotify = -9816,
    errSSLBadRecordMac = -9846, errSSLRecordOverflow = -9847, errSSLUnexpectedRecord = -9849,
    errSSLPeerAuthCompleted = -9841, errSSLClientCertRequested = -9842
};

/* Every object begins with this; CFRelease calls `destroy` when nobody holds it any more. */
typedef struct Object {
    long references;
    void (*destroy)(struct Object *);
} Object;

typedef struct { Object base; size_t size; unsigned char *bytes; } Data; /* CFData and CFString */
typedef struct { Object base; CFIndex count; Object **items; } Array;
typedef struct { Object base; CFIndex count; const void **keys, **values; } Dictionary;
typedef struct { Object base; double seconds; } Date;
typedef struct { Object base; CFIndex code; Data *text; } Error;
typedef struct { Object base; X509 *x509; } Certificate;
typedef struct { Object base; EVP_PKEY *pkey; } Key;
typedef struct { Object base; Certificate *certificate; Key *key; } Identity;
typedef struct { Object base; Boolean server; } Policy;
typedef struct { Object base; Array *certificates, *anchors, *path; Policy *policy; Date *date; Boolean only; } Trust;

void *fake_new(size_t size, void (*destroy)(Object *));
Object *CFRetain(Object *object);
void CFRelease(Object *object);
Data *CFDataCreate(void *allocator, const unsigned char *bytes, CFIndex size);
Array *fake_array(CFIndex count);
Certificate *fake_certificate(X509 *x509);
Trust *fake_trust(Array *certificates);
const void *fake_look_up(const Dictionary *dictionary, const void *key);
void fake_let_go(void *object);
Error *fake_error(CFIndex code, const char *text);

#endif
