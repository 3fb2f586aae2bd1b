"""Scripted libraries of Windows' for the tests of SChannel: what a call gives back is said beforehand, in order."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from unitls.backends import schannel
from unitls.backends.schannel import _certificate_structures as cs
from unitls.backends.schannel import _structures as ss
from unitls.backends.schannel import native
from unitls.backends.schannel._capabilities import capabilities
from unitls.platforms.windows import _structures as ws
from unitls.testing._zoo_files import load_identities

IDENTITIES = load_identities()
LEAF = IDENTITIES.server.chain[0]
HEADER, TRAILER = 5, 16


def record(kind: int, content: bytes) -> bytes:
    """A record of TLS."""
    return bytes((kind, 3, 3)) + len(content).to_bytes(2, "big") + content


def message(kind: int, body: bytes) -> bytes:
    """A message of the handshake."""
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def server_hello(
    version: int = 0x0303, suite: int = 0xC02B, extensions: bytes = b"", random: bytes = bytes(32)
) -> bytes:
    """A ServerHello, which is TLS 1.3's if `version` says so."""
    if version == 0x0304:
        extensions += b"\x00\x2b\x00\x02\x03\x04" + b"\x00\x33\x00\x04\x00\x1d\x00\x00"
    body = b"\x03\x03" + random + b"\0" + suite.to_bytes(2, "big") + b"\0" + len(extensions).to_bytes(2, "big")
    return message(2, body + extensions)


def certificate(*chain: bytes) -> bytes:
    """A Certificate of TLS 1.2."""
    listed = b"".join(len(der).to_bytes(3, "big") + der for der in chain)
    return message(11, len(listed).to_bytes(3, "big") + listed)


HELLO = record(22, message(1, bytes(40)))
FLIGHT_12 = record(22, server_hello() + certificate(LEAF) + message(12, b"\x03\x00\x17") + message(14, b""))
ANSWER_12 = record(22, message(16, b"key")) + record(20, b"\x01") + record(22, bytes(40))
END_12 = record(20, b"\x01") + record(22, bytes(40))
FLIGHT_13 = record(22, server_hello(0x0304)) + record(20, b"\x01") + record(23, bytes(100))
ANSWER_13 = record(20, b"\x01") + record(23, bytes(60))


class Step(NamedTuple):
    """What one call of the handshake gives back.

    Attributes:
        code: the status.
        token: for the peer.
        extra: how many bytes at the end of the input are left over.
    """

    code: int
    token: bytes = b""
    extra: int = 0


class Plain(NamedTuple):
    """What `DecryptMessage` gives back.

    Attributes:
        code: the status.
        data: the plaintext.
        extra: how many bytes at the end of the input are left over.
    """

    code: int
    data: bytes = b""
    extra: int = 0


def _of(argument: Any) -> Any:
    """The structure behind what a function was given: by reference, by address, or as it is."""
    return getattr(argument, "_obj", argument)


class Secur32:
    """SSPI.

    Attributes:
        steps: what the calls of the handshake give back.
        plains: what decrypting gives back.
        inputs: what the calls of the handshake were given.
        deciphered: what decrypting was given.
        remote: the certificates that the peer has shown, the leaf first.
        credential: the description of the last credential, by its class and fields.
        alerts: the control tokens: kind and alert.
    """

    def __init__(self) -> None:
        self.steps: deque[Step] = deque()
        self.plains: deque[Plain] = deque()
        self.inputs: list[bytes] = []
        self.deciphered: list[bytes] = []
        self.remote: tuple[bytes, ...] = (LEAF,)
        self.protocol = b""
        self.credential: Any = None
        self.acquired = self.freed = self.contexts = 0
        self.refusal = 0
        self.controls: list[tuple[int, int]] = []
        self.targets: list[str | None] = []
        self.flags: list[int] = []
        self.encrypt_code = self.control_code = 0
        self._kept: dict[int, Any] = {}
        self.crypt32: Crypt32 | None = None

    def AcquireCredentialsHandleW(self, *arguments: Any) -> int:
        address = arguments[4]
        kind = ss.SchCredentials if ctypes.c_uint32.from_address(address).value == 5 else ss.SchannelCred
        self.credential = kind.from_buffer_copy(ctypes.string_at(address, ctypes.sizeof(kind)))
        self.disabled = self.credential.parameters[0].disabled_protocols if kind is ss.SchCredentials else None
        if not self.refusal:
            self.acquired += 1
        return self.refusal

    def FreeCredentialsHandle(self, _handle: Any) -> int:
        self.freed += 1
        return 0

    def DeleteSecurityContext(self, _handle: Any) -> int:
        self.contexts -= 1
        return 0

    def InitializeSecurityContextW(self, *arguments: Any) -> int:
        self.targets.append(arguments[2])
        self.flags.append(arguments[3])
        return self._step(arguments[1], arguments[6], arguments[9])

    def AcceptSecurityContext(self, *arguments: Any) -> int:
        self.flags.append(arguments[3])
        return self._step(arguments[1], arguments[2], arguments[6])

    def _step(self, context: Any, given: Any, out: Any) -> int:
        buffers = [] if given is None else [_of(given).buffers[index] for index in range(_of(given).count)]
        token = next((item for item in buffers if item.kind == ss.BUFFER_TOKEN), None)
        self.inputs.append(b"" if token is None else ctypes.string_at(token.data, token.size))
        step = self.steps.popleft()
        if context is None and step.code in (0, native.SEC_I_CONTINUE_NEEDED):
            self.contexts += 1
        if step.extra:
            buffers[1].kind, buffers[1].size = ss.BUFFER_EXTRA, step.extra
        if step.token:
            target = _of(out).buffers[0]
            target.data, target.size = self._memory(step.token), len(step.token)
        return step.code

    def _memory(self, data: bytes) -> int:
        held = ctypes.create_string_buffer(data, len(data))
        address = ctypes.addressof(held)
        self._kept[address] = held
        return address

    def FreeContextBuffer(self, address: int) -> int:
        del self._kept[address]
        return 0

    def ApplyControlToken(self, _handle: Any, desc: Any) -> int:
        item = _of(desc).buffers[0]
        words = (ctypes.c_uint32 * (item.size // 4)).from_address(item.data)
        self.controls.append((words[0], words[2] if len(words) > 2 else -1))
        return self.control_code

    def QueryContextAttributesW(self, _handle: Any, attribute: int, address: int) -> int:
        if attribute == ss.ATTR_STREAM_SIZES:
            sizes = ss.StreamSizes.from_address(address)
            sizes.header, sizes.trailer, sizes.maximum = HEADER, TRAILER, 16384
        elif attribute == ss.ATTR_REMOTE_CERT and self.remote:
            assert self.crypt32 is not None
            context = self.crypt32.context(self.remote[0], self.remote)
            ctypes.c_void_p.from_address(address).value = ctypes.cast(context, ctypes.c_void_p).value
        elif attribute == ss.ATTR_PROTOCOL and self.protocol:
            found = ss.ApplicationProtocol.from_address(address)
            found.status, found.extension, found.size = 1, 2, len(self.protocol)
            found.name[: len(self.protocol)] = list(self.protocol)
        elif attribute == ss.ATTR_UNIQUE_BINDINGS:
            data = b"tls-unique:finished"
            head = ss.ChannelBindings(application_size=len(data), application_offset=32)
            found_bindings = ss.Bindings.from_address(address)
            whole = bytes(head) + data
            found_bindings.size, found_bindings.data = len(whole), self._memory(whole)
        else:
            return native.SEC_E_UNSUPPORTED_FUNCTION
        return 0

    def EncryptMessage(self, _handle: Any, _quality: int, desc: Any, _number: int) -> int:
        head, data, trailer = (_of(desc).buffers[index] for index in range(3))
        content = ctypes.string_at(data.data, data.size)
        ctypes.memmove(head.data, record(23, content)[:5], HEADER)
        ctypes.memmove(trailer.data, b"T" * 8, 8)
        trailer.size = 8
        return self.encrypt_code

    def DecryptMessage(self, _handle: Any, desc: Any, _number: int, _quality: Any) -> int:
        buffers = _of(desc).buffers
        size, base = buffers[0].size, buffers[0].data
        self.deciphered.append(ctypes.string_at(base, size))
        plain = self.plains.popleft()
        if plain.code == native.SEC_E_INCOMPLETE_MESSAGE:
            buffers[0].kind = 4  # SECBUFFER_MISSING: the types are overwritten
            return plain.code
        ctypes.memmove(base + HEADER, plain.data, len(plain.data))
        buffers[0].kind, buffers[0].size = ss.BUFFER_HEADER, HEADER
        buffers[1].kind, buffers[1].size, buffers[1].data = ss.BUFFER_DATA, len(plain.data), base + HEADER
        if plain.extra:
            buffers[3].kind, buffers[3].size = ss.BUFFER_EXTRA, plain.extra
            buffers[3].data = base + size - plain.extra
        return plain.code


class Crypt32:
    """Certificates.

    Attributes:
        path: what the chain engine finds; what it was given with the authority behind it, if not said.
        errors: the trust status of each of them.
        status: the bits for the whole.
        policy: what the policy says.
        open: how many contexts, stores, engines and chains are not freed.
        providers: what certificates were told about their keys: container, provider and its type.
    """

    def __init__(self) -> None:
        self.path: Sequence[bytes] | None = None
        self.errors: Sequence[int] = ()
        self.status = self.policy = 0
        self.policy_at = -1
        self.open = 0
        self.providers: list[tuple[str, str, int]] = []
        self.moments: list[int] = []
        self.engines: list[Any] = []
        self.stored: dict[bytes, bytes] = {}
        self.refuses: set[str] = set()
        self._kept: list[Any] = []
        self._stores: dict[int, tuple[bytes, ...]] = {}
        self._chain: tuple[bytes, ...] = ()

    def context(self, der: bytes, store: Sequence[bytes] = ()) -> Any:
        """A certificate context."""
        held = (ctypes.c_uint8 * len(der)).from_buffer_copy(der)
        handle = len(self._stores) + 1
        self._stores[handle] = tuple(store)
        context = ws.CertContext(1, ctypes.cast(held, ctypes.POINTER(ctypes.c_uint8)), len(der), None, handle)
        pointer = ctypes.pointer(context)
        self._kept += [held, context, pointer]
        self.open += 1
        return pointer

    def CertOpenStore(self, *_arguments: Any) -> int:
        if "CertOpenStore" in self.refuses:
            return 0
        self.open += 1
        return 4711

    def CertCloseStore(self, _store: Any, _flags: int) -> int:
        self.open -= 1
        return 1

    def CertAddEncodedCertificateToStore(self, _store: Any, *arguments: Any) -> int:
        der, target = arguments[1], arguments[4]
        if "CertAddEncodedCertificateToStore" in self.refuses:
            return 0
        if target is not None:
            _of(target).contents = self.context(der).contents
            self._chain = (der,)
        return 1

    def CertFreeCertificateContext(self, _context: Any) -> int:
        self.open -= 1
        return 1

    def CertEnumCertificatesInStore(self, store: int, before: Any) -> Any:
        ders = self._stores[store]
        if before is not None:
            self.open -= 1
        at = 0 if before is None else ders.index(ws.der_of(before.contents)) + 1
        return self.context(ders[at]) if at < len(ders) else None

    def CertFindCertificateInStore(self, *arguments: Any) -> Any:
        blob = cs.Blob.from_address(arguments[4])
        der = self.stored.get(ctypes.string_at(blob.data, blob.size))
        return None if der is None else self.context(der)

    def CertSetCertificateContextProperty(self, *arguments: Any) -> int:
        provider = cs.KeyProvider.from_address(arguments[3])
        self.providers.append((provider.container, provider.provider, provider.kind))
        return int("CertSetCertificateContextProperty" not in self.refuses)

    def CertCreateCertificateChainEngine(self, address: int, target: Any) -> int:
        self.engines.append(ws.ChainEngineConfig.from_buffer_copy(ctypes.string_at(address, 80)))
        if "CertCreateCertificateChainEngine" in self.refuses:
            return 0
        _of(target).value = 815
        self.open += 1
        return 1

    def CertFreeCertificateChainEngine(self, _engine: Any) -> None:
        self.open -= 1

    def CertGetCertificateChain(self, *arguments: Any) -> int:
        if "CertGetCertificateChain" in self.refuses:
            return 0
        moment = ws.FileTime.from_address(arguments[2])
        self.moments.append(moment.high << 32 | moment.low)
        path = (*self._chain, IDENTITIES.authority.certificate_der) if self.path is None else tuple(self.path)
        bits = (*self.errors, *[0] * len(path))
        elements = [
            ctypes.pointer(ws.ChainElement(56, self.context(der), ws.TrustStatus(bits[index], 0)))
            for index, der in enumerate(path)
        ]
        self.open -= len(path)  # these go with the chain
        listed = (ctypes.POINTER(ws.ChainElement) * len(path))(*elements)
        simple = ctypes.pointer(ws.SimpleChain(40, ws.TrustStatus(self.status, 0), len(path), listed))
        chains = (ctypes.POINTER(ws.SimpleChain) * 1)(simple)
        context = ctypes.pointer(ws.ChainContext(24, ws.TrustStatus(self.status, 0), 1, chains))
        self._kept += [elements, listed, simple, chains, context]
        _of(arguments[7]).contents = context.contents
        self.open += 1
        return 1

    def CertFreeCertificateChain(self, _chain: Any) -> None:
        self.open -= 1

    def CertVerifyCertificateChainPolicy(self, policy: int, _chain: Any, para: int, status: int) -> int:
        assert policy == 4
        assert ws.SSLExtra.from_address(ws.PolicyPara.from_address(para).extra).name is None
        answer = ws.PolicyStatus.from_address(status)
        answer.error, answer.element = self.policy, self.policy_at
        return 1


class NCrypt:
    """Keys, the new way.

    Attributes:
        refusal: what importing gives back.
        keys: the names of those that are there.
    """

    def __init__(self) -> None:
        self.refusal = 0
        self.keys: list[str] = []
        self.open = 0

    def NCryptOpenStorageProvider(self, target: Any, _name: str, _flags: int) -> int:
        _of(target).value = 1
        self.open += 1
        return 0

    def NCryptImportKey(self, *arguments: Any) -> int:
        assert arguments[2] == "PKCS8_PRIVATEKEY"
        buffer = cs.NCryptBufferDesc.from_address(arguments[3]).buffers[0]
        assert buffer.kind == 45
        name = ctypes.string_at(buffer.data, buffer.size).decode("utf-16-le").rstrip("\0")
        if not self.refusal:
            self.keys.append(name)
            self.open += 1
            _of(arguments[4]).value = 2
        return self.refusal

    def NCryptOpenKey(self, _provider: Any, target: Any, name: str, _spec: int, _flags: int) -> int:
        self._name = name
        _of(target).value = 3
        self.open += 1
        return 0 if name in self.keys else 0x80090016

    def NCryptDeleteKey(self, _key: Any, _flags: int) -> int:
        self.keys.remove(self._name)
        self.open -= 1
        return 0

    def NCryptFreeObject(self, _handle: Any) -> int:
        self.open -= 1
        return 0


class Advapi32:
    """Keys, the old way.

    Attributes:
        containers: the names of those that are there.
        blobs: the keys that were imported.
        refuses: whether no key is taken.
    """

    def __init__(self) -> None:
        self.containers: list[str] = []
        self.blobs: list[bytes] = []
        self.refuses = False

    def CryptAcquireContextW(self, target: Any, name: str, *arguments: Any) -> int:
        if arguments[2] & cs.CRYPT_DELETEKEYSET:
            self.containers.remove(name)
        else:
            self.containers.append(name)
            _of(target).value = 1
        return 1

    def CryptImportKey(self, _provider: Any, blob: bytes, size: int, *_rest: Any) -> int:
        self.blobs.append(blob[:size])
        return int(not self.refuses)

    def CryptDestroyKey(self, _key: Any) -> int:
        return 1

    def CryptReleaseContext(self, _provider: Any, _flags: int) -> int:
        return 1


class Windows:
    """All of them, as one machine.

    Args:
        build: of Windows.
        wine: the version of Wine, if it is that.
    """

    def __init__(self, build: int = 22000, wine: str = "") -> None:
        self.secur32, self.crypt32, self.ncrypt, self.advapi32 = Secur32(), Crypt32(), NCrypt(), Advapi32()
        self.secur32.crypt32 = self.crypt32
        self.libraries = native.Libraries(
            self.secur32, self.crypt32, self.ncrypt, self.advapi32, lambda: 0x80092009, build, wine
        )


@contextmanager
def windows(build: int = 22000, wine: str = "") -> Iterator[Windows]:
    """Such a machine, as long as the block runs."""
    machine = Windows(build, wine)
    former = native.put(machine.libraries)
    _forget()
    try:
        yield machine
    finally:
        native.put(former)
        _forget()


def _forget() -> None:
    capabilities.cache_clear()
    schannel.backend.cache_clear()
