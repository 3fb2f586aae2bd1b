"""What operating systems say of a certificate: one package for each that verifies by itself.

Core finds the one of this system by name, when it is first needed (`unitls.core._platform`); the backends on the same
system's own TLS share its parts.
"""
