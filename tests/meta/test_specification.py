"""The installed package against the specification, which stands beside this file as data."""

from __future__ import annotations

import abc
import enum
import inspect
import socket
import tomllib
import typing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import unitls

SPECIFICATION = tomllib.loads(Path(__file__).with_name("specification.toml").read_text(encoding="utf-8"))
CLASSES = SPECIFICATION["class"]
METHODS = [(entry, method) for entry in CLASSES for method in entry.get("method", ())]
PROPERTIES = [(entry, item) for entry in CLASSES for item in entry.get("property", ())]
BACKENDS = [item.name for item in unitls.available_backends() if item.available]


def named(entry: dict[str, Any]) -> Any:
    return getattr(import_module(entry.get("module", "unitls")), entry["name"])


def name_of(item: Any) -> str:
    return ".".join(part["name"] for part in item) if isinstance(item, tuple) else item["name"]


def signature_of(owner: type[Any], name: str) -> list[inspect.Parameter]:
    """The parameters of a method without the first, however it is bound."""
    function = inspect.getattr_static(owner, name)
    parameters = list(inspect.signature(getattr(function, "__func__", function)).parameters.values())
    return parameters[1:]


def check_parameters(owner: type[Any], method: dict[str, Any]) -> None:
    """The specification's parameters come first, by name or position; any further one is optional."""
    wanted, found = method["parameters"], signature_of(owner, method["name"])
    assert [item.name for item in found[: len(wanted)]] == [item["name"] for item in wanted]
    for parameter, entry in zip(found, wanted, strict=False):
        assert parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD, f"{parameter} cannot be passed by name"
        default = entry.get("default")
        assert repr(parameter.default) == default if default else parameter.default is inspect.Parameter.empty
    for parameter in found[len(wanted) :]:
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert parameter.default is not inspect.Parameter.empty


@pytest.mark.parametrize("entry", CLASSES, ids=name_of)
def test_classes(entry: dict[str, Any]) -> None:
    kind = named(entry)
    assert isinstance(kind, abc.ABCMeta)
    assert inspect.isabstract(kind)
    with pytest.raises(TypeError, match="abstract"):
        kind()
    assert [base.__name__ for base in kind.__mro__ if base.__name__ in entry.get("bases", ())] == entry.get("bases", [])


@pytest.mark.parametrize(("entry", "method"), METHODS, ids=[name_of(item) for item in METHODS])
def test_methods(entry: dict[str, Any], method: dict[str, Any]) -> None:
    kind = named(entry)
    static = inspect.getattr_static(kind, method["name"])
    assert isinstance(static, classmethod) is (method.get("kind") == "classmethod")
    assert (method["name"] in kind.__abstractmethods__) is method["abstract"]
    check_parameters(kind, method)
    if "returns" in method:
        function = getattr(static, "__func__", static)
        assert inspect.signature(function).return_annotation == method["returns"]
    assert inspect.getdoc(static)


@pytest.mark.parametrize(("entry", "item"), PROPERTIES, ids=[name_of(item) for item in PROPERTIES])
def test_properties(entry: dict[str, Any], item: dict[str, Any]) -> None:
    kind = named(entry)
    found = inspect.getattr_static(kind, item["name"])
    assert isinstance(found, property)
    assert (item["name"] in kind.__abstractmethods__) is item["abstract"]
    assert found.fget is not None
    assert found.fget.__isabstractmethod__ is item["abstract"]  # type: ignore[attr-defined]
    assert (found.fset is not None) is item["settable"]
    if found.fset is not None:
        assert found.fset.__isabstractmethod__ is item["abstract"]  # type: ignore[attr-defined]
    assert inspect.signature(found.fget).return_annotation == item["annotation"]
    assert inspect.getdoc(found)


def socket_entry() -> dict[str, Any]:
    return next(entry for entry in CLASSES if "socket_methods" in entry)


def test_the_socket_has_all_of_a_stream_socket() -> None:
    entry = socket_entry()
    kind = named(entry)
    public = {name for name in dir(socket.socket) if not name.startswith("_")}
    elsewhere = {"ioctl", "share", "sendmsg_afalg"}  # of one operating system, or of one protocol family
    assert public - elsewhere == {*entry["socket_methods"], *entry["socket_properties"]}
    for name in entry["socket_methods"]:
        assert name in kind.__abstractmethods__, name
        assert callable(inspect.getattr_static(kind, name))
    for name in entry["socket_properties"]:
        assert isinstance(inspect.getattr_static(kind, name), property), name
    assert hasattr(kind, "__enter__")
    assert hasattr(kind, "__exit__")


def test_aliases() -> None:
    for name, entry in SPECIFICATION["aliases"].items():
        alias = getattr(unitls, name)
        if "union" in entry:
            assert typing.get_args(alias) == tuple(getattr(unitls, item) for item in entry["union"])
            continue
        arguments, returns = typing.get_args(alias)
        assert returns is getattr(typing, entry["returns"])
        assert [shown(item) for item in arguments] == entry["arguments"]


def shown(argument: Any) -> str:
    if argument == unitls.TLSBufferObject:
        return "TLSBufferObject"
    if isinstance(argument, typing.ForwardRef):
        return argument.__forward_arg__
    optional = [item for item in typing.get_args(argument) if item is not type(None)]
    return f"Optional[{optional[0].__name__}]" if len(optional) == 1 else str(argument)


def test_enumerations() -> None:
    for name, members in SPECIFICATION["enumerations"].items():
        kind = getattr(unitls, name)
        assert issubclass(kind, enum.Enum)
        if "order" in members:
            assert list(kind.__members__) == members["order"]
        elif members:
            assert {item: value.value for item, value in kind.__members__.items()} == {
                item: value.encode() for item, value in members.items()
            }
    assert unitls.Cipher is unitls.CipherSuite


def test_errors() -> None:
    for name, base in SPECIFICATION["errors"].items():
        kind = getattr(unitls, name)
        assert [item.__name__ for item in kind.__bases__] == [base]
        assert not inspect.isabstract(kind)
        assert isinstance(kind("text"), Exception)
    assert issubclass(unitls.UnsupportedFeature, NotImplementedError)  # where there is no protocol negotiation


def test_every_name_of_the_specification_is_public() -> None:
    names = {entry["name"] for entry in CLASSES if not entry["name"].startswith("_")}
    names |= {name for table in ("aliases", "enumerations", "errors") for name in SPECIFICATION[table]}
    assert names <= set(unitls.__all__)


def implementations(backend: unitls.Backend) -> dict[str, type[Any]]:
    """The classes of a backend for those of the specification that it has to implement."""
    from unitls.core._buffer import CoreBuffer
    from unitls.core._socket import CoreSocket

    client: Any = backend.client_context
    server: Any = backend.server_context
    return {
        "ClientContext": client,
        "ServerContext": server,
        "Certificate": backend.certificate,
        "PrivateKey": backend.private_key,
        "TrustStore": backend.trust_store,
        "TLSWrappedBuffer": CoreBuffer,
        "TLSWrappedSocket": CoreSocket,
    }


@pytest.mark.parametrize("name", BACKENDS)
def test_backends_keep_every_parameter(name: str) -> None:
    kinds = implementations(unitls.get_backend(name))
    for entry in CLASSES:
        if entry["name"] not in kinds:
            continue
        kind = kinds[entry["name"]]
        assert issubclass(kind, named(entry))
        assert not inspect.isabstract(kind)
        methods = entry.get("method", ())
        if "_BaseContext" in entry.get("bases", ()):
            methods = [*methods, *CLASSES[0]["method"]]
        for method in methods:
            check_parameters(kind, method)
