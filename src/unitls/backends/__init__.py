"""One folder for each TLS library, with the same file names inside."""
