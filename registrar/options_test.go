package registrar_test

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/registrar"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	o, err := registrar.NewOptions()
	if err != nil {
		t.Fatal(err)
	}
	want := &registrar.Options{
		Prefix: "/roster", Namespace: "default", LeaseTTL: 15 * time.Second,
		Logger: slog.Default(), Extra: map[any]any{},
	}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("defaults are %+v, want %+v", o, want)
	}

	log := slog.New(slog.DiscardHandler)
	config := &tls.Config{MinVersion: tls.VersionTLS13}
	urls := []string{"https://a:1", "https://b:1"}
	o, err = registrar.NewOptions(
		registrar.WithEndpoints(urls...), registrar.WithPrefix("other/"), registrar.WithNamespace("prod"),
		registrar.WithLeaseTTL(time.Minute), registrar.WithLogger(log), registrar.WithTLS(config),
		registrar.WithCredentials("user", "password"),
		func(o *registrar.Options) { o.Extra["key"] = "value" },
	)
	if err != nil {
		t.Fatal(err)
	}
	urls[0] = "changed"
	want = &registrar.Options{
		Endpoints: []string{"https://a:1", "https://b:1"}, Prefix: "/other", Namespace: "prod", LeaseTTL: time.Minute,
		Logger: log, TLS: config, Username: "user", Password: "password", Extra: map[any]any{"key": "value"},
	}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("options are %+v, want %+v", o, want)
	}
	if o, err := registrar.NewOptions(registrar.WithLogger(nil), registrar.WithPrefix("")); err != nil || o.Logger == nil || o.Prefix != "/roster" {
		t.Errorf("nil logger and empty prefix: %+v, %v", o, err)
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for says, opts := range map[string][]registrar.Option{
		"option 2 is nil":                       {registrar.WithPrefix("/a"), nil},
		"prefix":                                {registrar.WithPrefix("/a//b")},
		"namespace \"\"":                        {registrar.WithNamespace("")},
		"namespace \"dns\"":                     {registrar.WithNamespace("dns")},
		"namespace \"A\"":                       {registrar.WithNamespace("A")},
		"lease TTL 0s":                          {registrar.WithLeaseTTL(0)},
		"lease TTL -5s":                         {registrar.WithLeaseTTL(-5 * time.Second)},
		"lease TTL 1.999s":                      {registrar.WithLeaseTTL(1999 * time.Millisecond)},
		"lease TTL 2.5s":                        {registrar.WithLeaseTTL(2500 * time.Millisecond)},
		"lease TTL 1h0m1s":                      {registrar.WithLeaseTTL(time.Hour + time.Second)},
		"invalid lease TTL 1s: must be from 2s": {registrar.WithLeaseTTL(time.Second), registrar.WithNamespace("A")},
	} {
		o, err := registrar.NewOptions(opts...)
		if o != nil || !errors.Is(err, registrar.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, %v", says, o, err)
		}
	}
	for _, ttl := range []time.Duration{registrar.MinLeaseTTL, registrar.MaxLeaseTTL} {
		if _, err := registrar.NewOptions(registrar.WithLeaseTTL(ttl)); err != nil {
			t.Errorf("lease TTL %v: %v", ttl, err)
		}
	}
}
