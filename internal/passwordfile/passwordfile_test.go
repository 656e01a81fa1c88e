package passwordfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "password")
	read := func(content string) (string, error) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return Read(path)
	}
	long := strings.Repeat("x", maxPassword)
	for content, want := range map[string]string{
		"s3cret": "s3cret", "s3cret\n": "s3cret", "s3cret\r\n": "s3cret", " with spaces \n": " with spaces ", long + "\r\n": long,
	} {
		if got, err := read(content); err != nil || got != want {
			t.Errorf("%.20q: %.20q, %v", content, got, err)
		}
	}
	for content, says := range map[string]string{
		"": "is empty", "\n": "is empty", "secret\nsecret\n": "one line", long + "x": "one line", "user\rsecret": "one line",
	} {
		if got, err := read(content); err == nil || got != "" || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.20q: %.20q, %v; want %q", content, got, err, says)
		}
	}
	if _, err := Read(path + "x"); err == nil || !strings.Contains(err.Error(), path+"x") {
		t.Errorf("an absent file: %v", err)
	}
}
