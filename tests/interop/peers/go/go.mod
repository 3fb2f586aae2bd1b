module unitls.test/peer

go 1.19
