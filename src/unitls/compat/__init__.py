"""Other people's shapes over the same core: for programs that know another TLS interface than ours."""
