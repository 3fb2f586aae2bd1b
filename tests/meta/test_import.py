"""What `import unitls` loads, and what works on a Python without `ssl`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import unitls

SOURCE = str(Path(unitls.__file__).parents[1])
BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in ("ssl", "_ssl"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
"""


def run(code: str, *, blocked: bool = False) -> Any:
    """Run code in a new interpreter; its last line prints JSON."""
    prelude = f"import sys; sys.path.insert(0, {SOURCE!r})\n" + (BLOCKED if blocked else "")
    result = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", prelude + code],
        capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_the_import_loads_no_library_and_nothing_big() -> None:
    loaded = run("before = set(sys.modules); import unitls, json; print(json.dumps(sorted(set(sys.modules) - before)))")
    unwanted = {
        "ssl", "_ssl", "cffi", "_cffi_backend", "ctypes", "cryptography", "rich", "idna", "trustme", "asyncio",
        "importlib.metadata", "unitls.api._ciphers", "unitls.api._alerts", "unitls.api._groups", "unitls.testing",
        "unitls.cli",
    }  # fmt: skip
    assert not unwanted & set(loaded)
    assert not [name for name in loaded if name.startswith("unitls.backends")]
    outside = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"unitls"}
    assert not {name for name in outside if not name.startswith("_")}


def test_the_big_enumerations_come_when_they_are_asked_for() -> None:
    code = (
        "import unitls, json\n"
        "asked = [unitls.CipherSuite.__name__, unitls.Cipher is unitls.CipherSuite, 'AlertDescription' in dir(unitls)]\n"
        "try: unitls.nothing_of_that_name\n"
        "except AttributeError as error: asked.append(str(error))\n"
        "print(json.dumps(asked))"
    )
    name, same, listed, message = run(code)
    assert (name, same, listed) == ("CipherSuite", True, True)
    assert "nothing_of_that_name" in message


def test_without_ssl_the_import_works_and_says_what_to_do() -> None:
    code = (
        "import unitls, json\n"
        "answers = {}\n"
        "try: unitls.get_backend('openssl')\n"
        "except unitls.ConfigurationError as error: answers['named'] = str(error)\n"
        "answers['listed'] = {item.name: (item.available, item.reason) for item in unitls.available_backends()}\n"
        "buffer = unitls.MemoryBuffer(); buffer.write(b'works')\n"
        "answers['buffer'] = buffer.read().decode()\n"
        "answers['name'] = unitls.DNSName('Example.ORG').name\n"
        "answers['ssl'] = 'ssl' in sys.modules or '_ssl' in sys.modules\n"
        "try: answers['default'] = unitls.get_backend().name\n"
        "except unitls.ConfigurationError as error: answers['refused'] = str(error)\n"
        "print(json.dumps(answers))"
    )
    answers = run(code, blocked=True)
    assert "ssl" in answers["named"]
    assert "use a Python that was built with" in answers["named"]
    available, reason = answers["listed"]["openssl"]
    assert not available
    assert "use a Python that was built with" in reason
    assert (answers["buffer"], answers["name"], answers["ssl"]) == ("works", "example.org", False)
    others = [name for name, (usable, _) in answers["listed"].items() if usable]
    assert (answers.get("default") in others) if others else ("built with" in answers["refused"])


def test_core_works_without_ssl() -> None:
    code = (
        "import unitls, json\n"
        "from unitls.testing._fake import fake_backend\n"
        "backend = fake_backend()\n"
        "context = backend.client_context(unitls.TLSClientConfiguration(validate_certificates=False))\n"
        "outgoing = unitls.MemoryBuffer()\n"
        "try: context.wrap_buffers(unitls.MemoryBuffer(), outgoing).do_handshake()\n"
        "except unitls.WantReadError: pass\n"
        "print(json.dumps(outgoing.pending))"
    )
    assert run(code, blocked=True) > 40


def test_every_module_of_api_and_core_can_be_imported_by_itself_without_ssl() -> None:
    root = Path(unitls.__file__).parent
    names = [
        f"unitls.{folder}.{path.stem}" for folder in ("api", "core") for path in sorted((root / folder).glob("_*.py"))
    ]
    code = f"import importlib, json\nfor name in {names!r}: importlib.import_module(name)\nprint(json.dumps('done'))"
    assert run(code, blocked=True) == "done"
