package registrar_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

// setenv makes variables the only ones of the library.
func setenv(t *testing.T, env map[string]string) {
	t.Helper()
	for _, name := range []string{"ENDPOINTS", "PREFIX", "NAMESPACE", "ZONE", "CACERT", "CERT", "KEY", "USER", "PASSWORD_FILE"} {
		t.Setenv("REGISTRAR_"+name, env[name])
	}
	t.Setenv("REGISTRAR_TIMEOUT", "never") // of the command alone
	t.Setenv("REGISTRAR_OUTPUT", "hologram")
}

func TestOptionsFromEnv(t *testing.T) {
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		env  map[string]string
		want func(*registrar.Options)
	}{
		"nothing": {nil, func(*registrar.Options) {}},
		"all": {map[string]string{
			"ENDPOINTS": "https://a:1, https://b:2", "PREFIX": "/shop", "NAMESPACE": "prod", "ZONE": "svc.example.com",
			"CACERT": "ca.pem", "CERT": "cert.pem", "KEY": "key.pem", "USER": "root", "PASSWORD_FILE": password,
		}, func(o *registrar.Options) {
			o.Endpoints, o.Prefix, o.Namespace = []string{"https://a:1", "https://b:2"}, "/shop", "prod"
			o.Zone = "svc.example.com"
			o.TLSFiles = &registrar.TLSFiles{Cert: "cert.pem", Key: "key.pem", CA: "ca.pem"}
			o.Username, o.Password = "root", "s3cret"
		}},
		"authorities alone": {map[string]string{"CACERT": "ca.pem"}, func(o *registrar.Options) { o.TLSFiles = &registrar.TLSFiles{CA: "ca.pem"} }},
	} {
		t.Run(name, func(t *testing.T) {
			setenv(t, tt.env)
			opts, err := registrar.OptionsFromEnv()
			if err != nil {
				t.Fatal(err)
			}
			got, err := registrar.NewOptions(opts...)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := registrar.NewOptions()
			tt.want(want)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestOptionsFromEnvRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		env  map[string]string
		says []string
	}{
		"user alone":     {map[string]string{"USER": "root"}, []string{"REGISTRAR_USER", "REGISTRAR_PASSWORD_FILE must be set"}},
		"password alone": {map[string]string{"PASSWORD_FILE": "f"}, []string{"REGISTRAR_PASSWORD_FILE", "REGISTRAR_USER must be set"}},
		"cert alone":     {map[string]string{"CERT": "f", "CACERT": "ca"}, []string{"REGISTRAR_CERT", "REGISTRAR_KEY must be set"}},
		"key alone":      {map[string]string{"KEY": "f"}, []string{"REGISTRAR_KEY", "REGISTRAR_CERT must be set"}},
		"no file":        {map[string]string{"USER": "root", "PASSWORD_FILE": "/absent"}, []string{"REGISTRAR_PASSWORD_FILE", "/absent"}},
		"an endpoint":    {map[string]string{"ENDPOINTS": "http://a:1,,"}, []string{"REGISTRAR_ENDPOINTS"}},
		"several":        {map[string]string{"PREFIX": "shop//x", "NAMESPACE": "Prod"}, []string{"REGISTRAR_PREFIX", "REGISTRAR_NAMESPACE"}},
	} {
		t.Run(name, func(t *testing.T) {
			setenv(t, tt.env)
			opts, err := registrar.OptionsFromEnv()
			if !errors.Is(err, registrar.ErrInvalid) || opts != nil {
				t.Fatalf("got %d options, %v, want ErrInvalid", len(opts), err)
			}
			for _, says := range tt.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("the message is %q, want one with %q", err, says)
				}
			}
		})
	}
}
