"""The standard library's protocols over any backend: clients and servers that take a context of unitls.

Each module has the name of the standard one (``http.client`` is `unitls.stdlib.http_client`), its public names, and
classes with TLS that are subclasses of its plain ones. None of them needs the module `ssl`.
"""
