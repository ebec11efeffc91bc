package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// maxFile bounds a PEM file; a chain of certificates with large keys stays far below.
const maxFile = 1 << 20

// What is wrong with a certificate. Errors of Check and Load wrap one of these, or the operating system's error.
var (
	ErrFormat      = errors.New("not a PEM file with a certificate")
	ErrNotYetValid = errors.New("the certificate is not valid yet")
	ErrExpired     = errors.New("the certificate has expired")
	ErrSignature   = errors.New("the certificate's signature is wrong")
)

// Check tells what is wrong with the certificate in a file at now. The signature is checked if it is self-signed.
func Check(certFile string, now time.Time) error {
	text, err := read(certFile)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return fmt.Errorf("%s: %w", certFile, ErrFormat)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", certFile, ErrFormat, err)
	}
	switch {
	case now.Before(c.NotBefore):
		return fmt.Errorf("%s: %w: it begins %s", certFile, ErrNotYetValid, c.NotBefore.Format(time.RFC3339))
	case now.After(c.NotAfter):
		return fmt.Errorf("%s: %w: it ended %s", certFile, ErrExpired, c.NotAfter.Format(time.RFC3339))
	}
	if string(c.RawIssuer) == string(c.RawSubject) {
		if err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
			return fmt.Errorf("%s: %w: %w", certFile, ErrSignature, err)
		}
	}
	return nil
}

// Load reads a certificate chain and its key for a server.
func Load(certFile, keyFile string) (tls.Certificate, error) {
	chain, err := read(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := read(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	c, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s with key %s: %w", certFile, keyFile, err)
	}
	return c, nil
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: larger than %d octets", path, maxFile)
	}
	return text, err
}
