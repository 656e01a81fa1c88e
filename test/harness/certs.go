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
// as PEM files. The server's is for loopback. A certificate and its key are in
// one file, which is replaced at once: who starts just then would not get along
// with two that don't match.
type Certs struct {
	CA                    string
	ServerCert, ServerKey string
	ClientCert, ClientKey string

	dir   string
	ca    *x509.Certificate
	caKey *ecdsa.PrivateKey
}

// CertLife is how long certificates are valid at first.
const CertLife = 24 * time.Hour

// NewCerts makes an authority and its certificates.
func NewCerts(t testing.TB) *Certs {
	t.Helper()
	dir := t.TempDir()
	c := &Certs{CA: filepath.Join(dir, "ca.pem"), dir: dir, caKey: newKey(t), ca: certTemplate("test authority", CertLife)}
	c.ca.IsCA, c.ca.BasicConstraintsValid, c.ca.KeyUsage = true, true, x509.KeyUsageCertSign
	ReplaceFile(t, c.CA, encodePEM("CERTIFICATE", c.sign(t, c.ca, &c.caKey.PublicKey)))
	c.Renew(t, CertLife)
	return c
}

// Renew issues the server's and the client's certificate anew, in the same
// files, valid for life.
func (c *Certs) Renew(t testing.TB, life time.Duration) {
	t.Helper()
	// etcd's gateway is a client of its own server with the server's certificate.
	server := certTemplate("server", life)
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	server.DNSNames = []string{"localhost"}
	c.ServerCert, c.ServerKey = c.issue(t, server)

	client := certTemplate("client", life)
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	c.ClientCert, c.ClientKey = c.issue(t, client)
}

// ClientTLS is the configuration of a client with the client's certificate, as
// it is when a connection is made.
func (c *Certs) ClientTLS(t testing.TB) *tls.Config {
	t.Helper()
	roots := x509.NewCertPool()
	ca, err := os.ReadFile(c.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots.AppendCertsFromPEM(ca)
	return &tls.Config{
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(c.ClientCert, c.ClientKey)
			return &cert, err
		},
		RootCAs:    roots,
		MinVersion: tls.VersionTLS12,
	}
}

func (c *Certs) issue(t testing.TB, cert *x509.Certificate) (certFile, keyFile string) {
	t.Helper()
	key := newKey(t)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.dir, cert.Subject.CommonName+".pem")
	ReplaceFile(t, path, encodePEM("CERTIFICATE", c.sign(t, cert, &key.PublicKey))+encodePEM("EC PRIVATE KEY", der))
	return path, path
}

func (c *Certs) sign(t testing.TB, cert *x509.Certificate, key *ecdsa.PublicKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, c.ca, key, c.caKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func certTemplate(name string, life time.Duration) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		panic(err) // crypto/rand doesn't fail
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(life),
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

func encodePEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// ReplaceFile writes a file that only its owner can read, at once: a reader sees
// all of what was there or all of the text.
func ReplaceFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
