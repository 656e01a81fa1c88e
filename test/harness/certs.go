package harness

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certs is a certificate authority with a server's and a client's certificate,
// as PEM files. The server's is for loopback.
type Certs struct {
	CA                    string
	ServerCert, ServerKey string
	ClientCert, ClientKey string

	ca    *x509.Certificate
	caKey *ecdsa.PrivateKey
}

// NewCerts makes an authority and its certificates.
func NewCerts(t testing.TB) *Certs {
	t.Helper()
	dir := t.TempDir()
	c := &Certs{CA: filepath.Join(dir, "ca.pem"), caKey: newKey(t), ca: certTemplate("test authority")}
	c.ca.IsCA, c.ca.BasicConstraintsValid, c.ca.KeyUsage = true, true, x509.KeyUsageCertSign
	writePEM(t, c.CA, "CERTIFICATE", c.sign(t, c.ca, &c.caKey.PublicKey))

	// etcd's gateway is a client of its own server with the server's certificate.
	server := certTemplate("server")
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	server.DNSNames = []string{"localhost"}
	c.ServerCert, c.ServerKey = c.issue(t, dir, server)

	client := certTemplate("client")
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	c.ClientCert, c.ClientKey = c.issue(t, dir, client)
	return c
}

// ClientTLS is the configuration of a client with the client's certificate.
func (c *Certs) ClientTLS(t testing.TB) *tls.Config {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(c.ClientCert, c.ClientKey)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	ca, err := os.ReadFile(c.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots.AppendCertsFromPEM(ca)
	return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots, MinVersion: tls.VersionTLS12}
}

func (c *Certs) issue(t testing.TB, dir string, cert *x509.Certificate) (certFile, keyFile string) {
	t.Helper()
	key := newKey(t)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile = filepath.Join(dir, cert.Subject.CommonName+".pem")
	keyFile = filepath.Join(dir, cert.Subject.CommonName+"-key.pem")
	writePEM(t, certFile, "CERTIFICATE", c.sign(t, cert, &key.PublicKey))
	writePEM(t, keyFile, "EC PRIVATE KEY", der)
	return certFile, keyFile
}

func (c *Certs) sign(t testing.TB, cert *x509.Certificate, key *ecdsa.PublicKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, c.ca, key, c.caKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func certTemplate(name string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		panic(err) // crypto/rand doesn't fail
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
