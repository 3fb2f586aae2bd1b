"""Writes the bindings of NSS and NSPR: ``src/unitls/backends/nss/_bindings.py``.

The declarations are those of NSS 3.87 (prio.h, certt.h, sslt.h and others), which later releases keep. Structures whose
first fields alone are used are declared as far as those go: they are never allocated here.
"""

from __future__ import annotations

import sys

from _emit import run

DECLARATIONS = """
// ------------------------------------------------------------------------------------------- NSPR
typedef struct PRFileDesc PRFileDesc;
struct PRFileDesc {
    const void *methods;
    intptr_t secret;
    PRFileDesc *lower, *higher;
    void (*dtor)(PRFileDesc *);
    int identity;
};
typedef struct { uint16_t family; uint16_t port; uint32_t ip; char pad[8]; } PRNetAddrInet;
typedef struct { int option; int unused; int value; } PRSocketOptionFlag;
typedef struct {
    int file_type;
    int32_t (*close)(PRFileDesc *);
    int32_t (*read)(PRFileDesc *, void *, int32_t);
    int32_t (*write)(PRFileDesc *, const void *, int32_t);
    void *available, *available64, *fsync, *seek, *seek64, *fileInfo, *fileInfo64, *writev, *connect, *accept, *bind,
        *listen;
    int32_t (*shutdown)(PRFileDesc *, int);
    int32_t (*recv)(PRFileDesc *, void *, int32_t, int, uint32_t);
    int32_t (*send)(PRFileDesc *, const void *, int32_t, int, uint32_t);
    void *recvfrom, *sendto, *poll, *acceptread, *transmitfile;
    int32_t (*getsockname)(PRFileDesc *, PRNetAddrInet *);
    int32_t (*getpeername)(PRFileDesc *, PRNetAddrInet *);
    void *reserved_fn_6, *reserved_fn_5;
    int32_t (*getsocketoption)(PRFileDesc *, PRSocketOptionFlag *);
    int32_t (*setsocketoption)(PRFileDesc *, const PRSocketOptionFlag *);
    void *sendfile, *connectcontinue, *reserved_fn_3, *reserved_fn_2, *reserved_fn_1, *reserved_fn_0;
} PRIOMethods;

int PR_GetUniqueIdentity(const char *);
PRFileDesc *PR_CreateIOLayerStub(int, const PRIOMethods *);
PRFileDesc *PR_GetIdentitiesLayer(PRFileDesc *, int);
int32_t PR_Recv(PRFileDesc *, void *, int32_t, int, uint32_t);
int32_t PR_Send(PRFileDesc *, const void *, int32_t, int, uint32_t);
int PR_Shutdown(PRFileDesc *, int);
int PR_Close(PRFileDesc *);
int32_t PR_GetError(void);
void PR_SetError(int32_t, int32_t);
const char *PR_ErrorToName(int32_t);
const char *PR_ErrorToString(int32_t, uint32_t);
int64_t PR_Now(void);

// ------------------------------------------------------------------------------------------- values of NSS
typedef struct { int type; unsigned char *data; unsigned int len; } SECItem;
typedef struct { SECItem *items; unsigned int len; } SECItemArray;
typedef struct PRCList PRCList;
struct PRCList { PRCList *next, *prev; };
typedef ... CERTCertDBHandle;
typedef ... PK11SlotInfo;
typedef ... PK11SymKey;
typedef struct { void *arena; int internal; int loaded; } SECMODModule;
typedef struct {
    void *arena;
    int keyType;
    PK11SlotInfo *pkcs11Slot;
} SECKEYPrivateKey;
typedef struct {
    void *arena;
    char *subjectName, *issuerName;
    SECItem signatureWrap[4];
    SECItem derCert, derIssuer, derSubject, derPublicKey, certKey, version, serialNumber;
    SECItem signature[2];
    struct { void *arena; void **rdns; } issuer;
    struct { void *arena; SECItem notBefore, notAfter; } validity;
    struct { void *arena; void **rdns; } subject;
    struct { void *arena; SECItem algorithm[2]; SECItem subjectPublicKey; } subjectPublicKeyInfo;
    SECItem issuerID, subjectID;
    void **extensions;
    char *emailAddr;
    CERTCertDBHandle *dbhandle;
    SECItem subjectKeyID;
    int keyIDGenerated;
    unsigned int keyUsage, rawKeyUsage;
    int keyUsagePresent;
    uint32_t nsCertType;
    int keepSession, timeOK;
    void *domainOK;
    int isperm, istemp;
    char *nickname;
} CERTCertificate;
typedef struct { PRCList links; CERTCertificate *cert; void *appData; } CERTCertListNode;
typedef struct { PRCList list; void *arena; } CERTCertList;
typedef struct { SECItem *certs; int len; void *arena; } CERTCertificateList;
typedef struct { void *arena; int nnames; SECItem *names; void *head; } CERTDistNames;
typedef struct PK11SlotListElement PK11SlotListElement;
struct PK11SlotListElement { PK11SlotListElement *next, *prev; PK11SlotInfo *slot; int refCount; };
typedef struct { PK11SlotListElement *head, *tail; void *lock; } PK11SlotList;
typedef struct { PRCList links; SECKEYPrivateKey *key; } SECKEYPrivateKeyListNode;
typedef struct { PRCList list; void *arena; } SECKEYPrivateKeyList;

// ------------------------------------------------------------------------------------------- setting up
typedef ... NSSInitParameters;
typedef ... NSSInitContext;
NSSInitContext *NSS_InitContext(const char *, const char *, const char *, const char *, NSSInitParameters *, uint32_t);
const char *NSS_GetVersion(void);
int NSS_SetDomesticPolicy(void);
CERTCertDBHandle *CERT_GetDefaultCertDB(void);
int PK11_RandomUpdate(const void *, size_t);
int PK11_GenerateRandom(unsigned char *, int);

void SECITEM_FreeItem(SECItem *, int);
void PORT_Free(void *);

// ------------------------------------------------------------------------------------------- certificates
CERTCertificate *CERT_NewTempCertificate(CERTCertDBHandle *, SECItem *, char *, int, int);
CERTCertificate *CERT_DupCertificate(CERTCertificate *);
void CERT_DestroyCertificate(CERTCertificate *);
CERTCertList *CERT_NewCertList(void);
int CERT_AddCertToListTail(CERTCertList *, CERTCertificate *);
void CERT_DestroyCertList(CERTCertList *);

typedef struct {
    int (*isChainValid)(void *, const CERTCertList *, int *);
    void *isChainValidArg;
} CERTChainVerifyCallback;
typedef struct {
    uint32_t number_of_defined_methods;
    uint64_t *cert_rev_flags_per_method;
    uint32_t number_of_preferred_methods;
    int *preferred_methods;
    uint64_t cert_rev_method_independent_flags;
} CERTRevocationTests;
typedef struct { CERTRevocationTests leafTests, chainTests; } CERTRevocationFlags;
typedef struct {
    int type;
    struct {
        union { int b; int64_t time; } scalar;
        union {
            const void *p;
            const CERTCertList *chain;
            const CERTRevocationFlags *revocation;
            const CERTChainVerifyCallback *chainVerifyCallback;
        } pointer;
        void *array;
        int arraySize;
    } value;
} CERTValInParam;
typedef struct CERTVerifyLogNode CERTVerifyLogNode;
struct CERTVerifyLogNode {
    CERTCertificate *cert;
    long error;
    unsigned int depth;
    void *arg;
    CERTVerifyLogNode *next, *prev;
};
typedef struct { void *arena; unsigned int count; CERTVerifyLogNode *head, *tail; } CERTVerifyLog;
typedef struct {
    int type;
    struct {
        union { int b; int64_t time; } scalar;
        union { void *p; CERTVerifyLog *log; } pointer;
        void *array;
        int arraySize;
    } value;
} CERTValOutParam;
int CERT_PKIXVerifyCert(CERTCertificate *, int64_t, CERTValInParam *, CERTValOutParam *, void *);
void *PORT_NewArena(unsigned long);
void PORT_FreeArena(void *, int);

// ------------------------------------------------------------------------------------------- keys and tokens
PK11SlotInfo *PK11_GetInternalSlot(void);
PK11SlotInfo *PK11_ReferenceSlot(PK11SlotInfo *);
void PK11_FreeSlot(PK11SlotInfo *);
int PK11_ImportDERPrivateKeyInfoAndReturnKey(
    PK11SlotInfo *, SECItem *, SECItem *, SECItem *, int, int, unsigned int, SECKEYPrivateKey **, void *);
void SECKEY_DestroyPrivateKey(SECKEYPrivateKey *);
SECKEYPrivateKey *SECKEY_CopyPrivateKey(const SECKEYPrivateKey *);
void SECKEY_DestroyPrivateKeyList(SECKEYPrivateKeyList *);
typedef ... SECKEYPublicKey;
SECKEYPublicKey *CERT_ExtractPublicKey(CERTCertificate *);
void SECKEY_DestroyPublicKey(SECKEYPublicKey *);
typedef struct { int keySizeInBits; unsigned long pe; } PK11RSAGenParams;
SECKEYPrivateKey *PK11_GenerateKeyPair(
    PK11SlotInfo *, unsigned long, void *, SECKEYPublicKey **, int, int, void *);
int PK11_SignatureLen(SECKEYPrivateKey *);
int PK11_Sign(SECKEYPrivateKey *, SECItem *, const SECItem *);
int PK11_Verify(SECKEYPublicKey *, const SECItem *, const SECItem *, void *);
PK11SlotList *PK11_GetAllTokens(unsigned long, int, int, void *);
void PK11_FreeSlotList(PK11SlotList *);
char *PK11_GetTokenName(PK11SlotInfo *);
char *PK11_GetTokenURI(PK11SlotInfo *);
int PK11_NeedLogin(PK11SlotInfo *);
int PK11_IsLoggedIn(PK11SlotInfo *, void *);
int PK11_CheckUserPassword(PK11SlotInfo *, const char *);
SECKEYPrivateKeyList *PK11_ListPrivKeysInSlot(PK11SlotInfo *, char *, void *);
SECItem *PK11_GetLowLevelKeyIDForPrivateKey(SECKEYPrivateKey *);
SECItem *PK11_GetLowLevelKeyIDForCert(PK11SlotInfo *, CERTCertificate *, void *);
CERTCertList *PK11_ListCertsInSlot(PK11SlotInfo *);
SECMODModule *SECMOD_LoadUserModule(char *, SECMODModule *, int);
PK11SlotInfo *SECMOD_OpenUserDB(const char *);
PK11SymKey *PK11_ImportSymKey(PK11SlotInfo *, unsigned long, int, unsigned long, SECItem *, void *);
void PK11_FreeSymKey(PK11SymKey *);
int PK11_ExtractKeyValue(PK11SymKey *);
SECItem *PK11_GetKeyData(PK11SymKey *);
typedef struct {
    uint8_t major, minor;
    void *C_Initialize;
    unsigned long (*C_Finalize)(void *);
} CK_FUNCTION_LIST;
unsigned long C_GetFunctionList(CK_FUNCTION_LIST **);

// ------------------------------------------------------------------------------------------- TLS
typedef struct { uint16_t min, max; } SSLVersionRange;
typedef struct { uint8_t level, description; } SSLAlert;
typedef struct {
    int authType;
    const CERTCertificateList *certChain;
    const SECItemArray *stapledOCSPResponses;
    const SECItem *signedCertTimestamps;
    const SECItem *delegCred;
    const SECKEYPrivateKey *delegCredPrivKey;
} SSLExtraServerCertData;
typedef struct {
    uint32_t length;
    uint16_t protocolVersion, cipherSuite;
    uint32_t authKeyBits, keaKeyBits, creationTime, lastAccessTime, expirationTime, sessionIDLength;
    uint8_t sessionID[32];
    const char *compressionMethodName;
    int compressionMethod;
    int extendedMasterSecretUsed, earlyDataAccepted;
    int keaType, keaGroup, symCipher, macAlgorithm, authType, signatureScheme;
    int originalKeaGroup;
    int resumed;
    int peerDelegCred;
    int pskType;
    int echAccepted;
} SSLChannelInfo;
typedef struct {
    uint32_t length, valuesSet;
    uint16_t protocolVersion, cipherSuite;
    int canSendEarlyData;
    uint32_t maxEarlyDataSize;
    uint16_t zeroRttCipherSuite;
    int peerDelegCred;
    uint32_t authKeyBits;
    int signatureScheme;
    int echAccepted;
    const char *echPublicName;
} SSLPreliminaryChannelInfo;

PRFileDesc *SSL_ImportFD(PRFileDesc *, PRFileDesc *);
int SSL_OptionSet(PRFileDesc *, int, intptr_t);
int SSL_ResetHandshake(PRFileDesc *, int);
int SSL_ForceHandshake(PRFileDesc *);
int SSL_SetURL(PRFileDesc *, const char *);
int SSL_SetSockPeerID(PRFileDesc *, const char *);
int SSL_VersionRangeSet(PRFileDesc *, const SSLVersionRange *);
int SSL_VersionRangeGetSupported(int, SSLVersionRange *);
uint16_t SSL_GetNumImplementedCiphers(void);
const uint16_t *SSL_GetImplementedCiphers(void);
int SSL_CipherPrefSet(PRFileDesc *, int32_t, int);
int SSL_CipherPolicyGet(int32_t, int32_t *);
int SSL_NamedGroupConfig(PRFileDesc *, const int *, unsigned int);
int SSL_SignatureSchemePrefSet(PRFileDesc *, const int *, unsigned int);
int SSL_ConfigServerCert(
    PRFileDesc *, CERTCertificate *, SECKEYPrivateKey *, const SSLExtraServerCertData *, unsigned int);
int SSL_ConfigServerSessionIDCache(int, uint32_t, uint32_t, const char *);
int SSL_SetSessionTicketKeyPair(SECKEYPublicKey *, SECKEYPrivateKey *);
int SSL_SetTrustAnchors(PRFileDesc *, CERTCertList *);
int SSL_AuthCertificateHook(PRFileDesc *, int (*)(void *, PRFileDesc *, int, int), void *);
int SSL_GetClientAuthDataHook(
    PRFileDesc *, int (*)(void *, PRFileDesc *, CERTDistNames *, CERTCertificate **, SECKEYPrivateKey **), void *);
int SSL_AlertReceivedCallback(PRFileDesc *, void (*)(const PRFileDesc *, void *, const SSLAlert *), void *);
int SSL_SetNextProtoNego(PRFileDesc *, const unsigned char *, unsigned int);
int SSL_GetNextProto(PRFileDesc *, int *, unsigned char *, unsigned int *, unsigned int);
CERTCertList *SSL_PeerCertificateChain(PRFileDesc *);
CERTCertificate *SSL_PeerCertificate(PRFileDesc *);
const SECItemArray *SSL_PeerStapledOCSPResponses(PRFileDesc *);
int SSL_GetChannelInfo(PRFileDesc *, SSLChannelInfo *, unsigned int);
int SSL_GetPreliminaryChannelInfo(PRFileDesc *, SSLPreliminaryChannelInfo *, unsigned int);
int SSL_ExportKeyingMaterial(
    PRFileDesc *, const char *, unsigned int, int, const unsigned char *, unsigned int, unsigned char *, unsigned int);
int SSL_DataPending(PRFileDesc *);
void *SSL_GetExperimentalAPI(const char *);

typedef int (*SSLCipherSuiteOrderSet)(PRFileDesc *, const uint16_t *, uint16_t);
typedef int (*SSLKeyUpdate)(PRFileDesc *, int);
typedef int (*SSLAddExternalPsk)(PRFileDesc *, PK11SymKey *, const uint8_t *, unsigned int, int);
typedef int (*SSLSendCertificateRequest)(PRFileDesc *);
typedef int (*SSLSendSessionTicket)(PRFileDesc *, const uint8_t *, unsigned int);
typedef int (*SSLSetResumptionToken)(PRFileDesc *, const uint8_t *, unsigned int);
typedef int (*SSLSetResumptionTokenCallback)(
    PRFileDesc *, int (*)(PRFileDesc *, const uint8_t *, unsigned int, void *), void *);
typedef int (*SSLSecretCallbackSet)(
    PRFileDesc *, void (*)(PRFileDesc *, uint16_t, int, PK11SymKey *, void *), void *);
typedef int (*SSLHelloRetryRequestCallbackSet)(
    PRFileDesc *, int (*)(int, const uint8_t *, unsigned int, uint8_t *, unsigned int *, unsigned int, void *), void *);
typedef int (*SSLSetTimeFunc)(PRFileDesc *, int64_t (*)(void *), void *);
typedef struct SSLAntiReplayContext SSLAntiReplayContext;
typedef int (*SSLCreateAntiReplayContext)(int64_t, int64_t, unsigned int, unsigned int, SSLAntiReplayContext **);
typedef int (*SSLSetAntiReplayContext)(PRFileDesc *, SSLAntiReplayContext *);
typedef int (*SSLReleaseAntiReplayContext)(SSLAntiReplayContext *);
typedef int (*SSLSetMaxEarlyDataSize)(PRFileDesc *, uint32_t);
typedef int (*SSLSetClientEchConfigs)(PRFileDesc *, const uint8_t *, unsigned int);
"""

if __name__ == "__main__":
    sys.exit(run("nss", DECLARATIONS))
