"""What weakens a connection, apart from everything else, so that it cannot be used without being seen.

Each use raises the auditing event ``unitls.insecure`` (`sys.addaudithook`).
"""

from __future__ import annotations

from .core._names import ANY_SUBJECT as ANY_SUBJECT
from .core._names import AnySubject as AnySubject
from .core._names import InsecureWarning as InsecureWarning

__all__ = ["ANY_SUBJECT", "AnySubject", "InsecureWarning"]
