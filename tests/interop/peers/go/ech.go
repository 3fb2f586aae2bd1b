// Encrypted ClientHello: a key made for this run, and the ECHConfigList that a client gets (RFC 9849 section 4).
package main

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
)

const (
	draftVersion    = 0xfe0d
	configID        = 7
	kemX25519SHA256 = 0x0020
	kdfHKDFSHA256   = 0x0001
	aeadAES128GCM   = 0x0001
	maxNameLength   = 32
)

// enableECH gives the server a key, and returns the list to publish.
func enableECH(config *tls.Config, publicName string) []byte {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	exitOn(err)
	public := key.PublicKey().Bytes()
	contents := binary.BigEndian.AppendUint16([]byte{configID}, kemX25519SHA256)
	contents = appendVector16(contents, public)
	suites := binary.BigEndian.AppendUint16(nil, kdfHKDFSHA256)
	contents = appendVector16(contents, binary.BigEndian.AppendUint16(suites, aeadAES128GCM))
	contents = append(contents, maxNameLength, byte(len(publicName)))
	contents = append(contents, publicName...)
	contents = appendVector16(contents, nil) // no extensions
	made := appendVector16(binary.BigEndian.AppendUint16(nil, draftVersion), contents)
	config.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{
		{Config: made, PrivateKey: key.Bytes(), SendAsRetry: true},
	}
	return appendVector16(nil, made)
}

func appendVector16(to, content []byte) []byte {
	return append(binary.BigEndian.AppendUint16(to, uint16(len(content))), content...)
}
