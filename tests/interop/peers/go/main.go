// A TLS echo server and client on Go's crypto/tls, for the tests of unitls against other implementations.
//
// It prints one JSON object for each connection. A server prints its port first.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

type report struct {
	Version    string `json:"version"`
	Protocol   string `json:"protocol"`
	ServerName string `json:"server_name"`
	Peer       string `json:"peer"`
	Resumed    bool   `json:"resumed"`
	ECH        bool   `json:"ech"`
	Error      string `json:"error"`
}

type options struct {
	version, identities, clientCA, protocols string
	ca, address, serverName, publicName      string
	connections                              int
}

const deadline = 60 * time.Second

func main() {
	var given options
	flag.StringVar(&given.version, "version", "1.3", "the only version to speak, 1.2 or 1.3")
	flag.StringVar(&given.identities, "identities", "", "CHAIN:KEY files, separated by commas")
	flag.StringVar(&given.clientCA, "client-ca", "", "demand client certificates of this root")
	flag.StringVar(&given.protocols, "protocols", "", "for ALPN, separated by commas")
	flag.StringVar(&given.ca, "ca", "", "the root that a client trusts")
	flag.StringVar(&given.address, "address", "", "where a client connects to; empty to be a server")
	flag.StringVar(&given.serverName, "server-name", "", "whom a client asks for")
	flag.StringVar(&given.publicName, "public-name", "", "for a server with Encrypted ClientHello: its outer name")
	flag.IntVar(&given.connections, "connections", 1, "how many connections a client makes, one after the other")
	flag.Parse()
	if given.address == "" {
		serve(given, configure(given))
	} else {
		connect(given, configure(given))
	}
}

func configure(given options) *tls.Config {
	version := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[given.version]
	config := &tls.Config{MinVersion: version, MaxVersion: version, ServerName: given.serverName}
	for _, files := range split(given.identities) {
		pair := strings.SplitN(files, ":", 2)
		identity, err := tls.LoadX509KeyPair(pair[0], pair[1])
		exitOn(err)
		config.Certificates = append(config.Certificates, identity)
	}
	config.NextProtos = split(given.protocols)
	if given.clientCA != "" {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, pool(given.clientCA)
	}
	if given.ca != "" {
		config.RootCAs = pool(given.ca)
	}
	config.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	return config
}

func serve(given options, config *tls.Config) {
	var list []byte
	if given.publicName != "" {
		list = enableECH(config, given.publicName)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	exitOn(err)
	fmt.Printf("{\"port\": %d, \"ech\": \"%x\"}\n", listener.Addr().(*net.TCPAddr).Port, list)
	for {
		raw, err := listener.Accept()
		exitOn(err)
		go func() {
			connection := tls.Server(raw, config)
			defer connection.Close()
			connection.SetDeadline(time.Now().Add(deadline))
			err := connection.Handshake()
			show(connection, err)
			if err == nil {
				io.Copy(connection, connection)
			}
		}()
	}
}

func connect(given options, config *tls.Config) {
	for number := 0; number < given.connections; number++ {
		dialer := &net.Dialer{Timeout: deadline}
		raw, err := dialer.Dial("tcp", given.address)
		exitOn(err)
		connection := tls.Client(raw, config)
		connection.SetDeadline(time.Now().Add(deadline))
		err = connection.Handshake()
		if err == nil {
			err = talk(connection)
		}
		show(connection, err)
		connection.Close()
	}
}

// talk sends data, wants it back, closes its half, and wants the other half closed the clean way.
func talk(connection *tls.Conn) error {
	block := make([]byte, 20000)
	for number := byte(0); number < 8; number++ {
		for index := range block {
			block[index] = byte(index) + number
		}
		if _, err := connection.Write(block); err != nil {
			return err
		}
		answer := make([]byte, len(block))
		if _, err := io.ReadFull(connection, answer); err != nil {
			return err
		}
		if !bytes.Equal(block, answer) {
			return fmt.Errorf("another block came back")
		}
	}
	if err := connection.CloseWrite(); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, connection)
	return err
}

func show(connection *tls.Conn, err error) {
	state := connection.ConnectionState()
	seen := report{Protocol: state.NegotiatedProtocol, ServerName: state.ServerName, Resumed: state.DidResume}
	seen.ECH = state.ECHAccepted
	seen.Version = map[uint16]string{tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"}[state.Version]
	if len(state.PeerCertificates) > 0 {
		seen.Peer = state.PeerCertificates[0].Subject.CommonName
	}
	if err != nil {
		seen.Error = err.Error()
	}
	text, err := json.Marshal(seen)
	exitOn(err)
	fmt.Println(string(text))
}

func pool(path string) *x509.CertPool {
	pem, err := os.ReadFile(path)
	exitOn(err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		exitOn(fmt.Errorf("%s holds no certificate", path))
	}
	return roots
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
