package catalog_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

// The seeds are in testdata/fuzz, one file each, named for what they show.

// maxMessage bounds what an error says of one value, in bytes.
const maxMessage = 1 << 10

// refusal checks an error of a reader of foreign bytes.
func refusal(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, catalog.ErrInvalid) {
		t.Errorf("error %q is not ErrInvalid", err)
	}
	if n := len(err.Error()); n == 0 || n > maxMessage {
		t.Errorf("the message has %d bytes", n)
	}
}

// agree checks a reader against the reference: they take the same texts for the
// same thing.
func agree[T any](t *testing.T, got T, err error, want T, wantErr error) {
	t.Helper()
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("error %v, but that of the reference is %v", err, wantErr)
	}
	if err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("read as\n%#v, the reference has\n%#v", got, want)
	}
}

func FuzzDecodeValue(f *testing.F) {
	f.Fuzz(func(t *testing.T, value []byte) {
		if len(value) > catalog.MaxValueSize {
			return // refused unread, which TestDecodeValueSize checks
		}
		var strict catalog.Instance
		strictErr := strict.UnmarshalJSON(value)
		wantStrict, wantErr := refUnmarshalInstance(value)
		agree(t, strict, strictErr, wantStrict, wantErr)

		in, err := catalog.DecodeValue("a", value)
		want, wantErr := refDecodeValue("a", value)
		agree(t, in, err, want, wantErr)
		if err != nil {
			refusal(t, err)
			return
		}
		if err := in.Validate(); err != nil {
			t.Fatalf("what was read is not valid: %v", err)
		}
		normalized := in.Clone()
		normalized.Normalize()
		if !reflect.DeepEqual(in, normalized) {
			t.Fatalf("what was read is not normalized: %#v", in)
		}
		encoded := in.EncodeValue()
		again, err := catalog.DecodeValue("a", encoded)
		if err != nil {
			t.Fatalf("%s is not read again: %v", encoded, err)
		}
		if !reflect.DeepEqual(again, in) {
			t.Fatalf("%s is read again as\n%#v, not\n%#v", encoded, again, in)
		}
	})
}

func FuzzDecodeOverride(f *testing.F) {
	f.Fuzz(func(t *testing.T, value []byte) {
		if len(value) > catalog.MaxValueSize {
			return
		}
		o, err := catalog.DecodeOverride(value)
		want, wantErr := refDecodeOverride(value)
		agree(t, o, err, want, wantErr)
		if err != nil {
			refusal(t, err)
			return
		}
		switch o.Status {
		case catalog.StatusDraining, catalog.StatusDown:
		default:
			t.Fatalf("status %q is neither of the two", o.Status)
		}
		encoded, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if len(encoded) > catalog.MaxValueSize {
			return // escapes made it longer than a reader takes
		}
		if again, err := catalog.DecodeOverride(encoded); err != nil || again != o {
			t.Fatalf("%s is read again as %+v, %v, not %+v", encoded, again, err, o)
		}
	})
}

func FuzzDecodePolicy(f *testing.F) {
	f.Fuzz(func(t *testing.T, value []byte) {
		if len(value) > catalog.MaxValueSize {
			return
		}
		var strict catalog.Policy
		strictErr := strict.UnmarshalJSON(value)
		wantStrict, wantErr := refUnmarshalPolicy(value)
		agree(t, strict, strictErr, wantStrict, wantErr)

		p, err := catalog.DecodePolicy(value)
		want, wantErr := refDecodePolicy(value)
		agree(t, p, err, want, wantErr)
		if err != nil {
			refusal(t, err)
			return
		}
		if err := p.Validate(); err != nil {
			t.Fatalf("what was read is not valid: %v", err)
		}
		encoded := p.EncodeValue()
		if again, err := catalog.DecodePolicy(encoded); err != nil || !again.Equal(&p) || !reflect.DeepEqual(again, p) {
			t.Fatalf("%s is read again as %+v, %v, not %+v", encoded, again, err, p)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	f.Fuzz(func(t *testing.T, rel string) {
		k, err := catalog.ParseKey(rel)
		if err != nil {
			refusal(t, err)
			return
		}
		var built string
		switch k.Kind {
		case catalog.KindReserved:
			if !strings.HasPrefix(rel, "_") && !strings.Contains(rel, "/_") {
				t.Fatal("reserved, without a component that starts with '_'")
			}
			return
		case catalog.KindInstance:
			built = catalog.InstanceKey("/p", k.Namespace, k.Service, k.ID)
		case catalog.KindStatus:
			built = catalog.StatusKey("/p", k.Namespace, k.Service, k.ID)
		case catalog.KindPolicy:
			built = catalog.PolicyKey("/p", k.Namespace, k.Service)
		}
		if built != "/p/"+rel || k.String() != rel {
			t.Fatalf("built again: %q, %q", built, k)
		}
		if !strings.HasPrefix(built, catalog.ServicePrefix("/p", k.Namespace, k.Service)) ||
			!strings.HasPrefix(built, catalog.NamespacePrefix("/p", k.Namespace)) {
			t.Fatalf("%q is outside its service or namespace", built)
		}
		if catalog.CheckNamespace(k.Namespace) != nil || catalog.CheckLabel("name", k.Service) != nil ||
			(k.ID != "" || k.Kind != catalog.KindPolicy) && catalog.CheckLabel("id", k.ID) != nil {
			t.Fatalf("%+v holds what is not a label", k)
		}
	})
}

func FuzzServiceJSON(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		var s catalog.Service
		err := s.UnmarshalJSON(text)
		want, wantErr := refUnmarshalService(text)
		agree(t, s, err, want, wantErr)
		if err != nil {
			if !errors.Is(err, catalog.ErrInvalid) {
				t.Errorf("error %q is not ErrInvalid", err)
			}
			return
		}
		if s.Revision != 0 || s.Stale {
			t.Fatalf("what is handed in has revision %d, stale %t", s.Revision, s.Stale)
		}
		shown, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var again catalog.Service
		if err := json.Unmarshal(shown, &again); err != nil {
			t.Fatalf("%s is not read again: %v", shown, err)
		}
		if shownAgain, err := json.Marshal(again); err != nil || string(shownAgain) != string(shown) {
			t.Fatalf("read again and shown: %s, %v\nfirst: %s", shownAgain, err, shown)
		}

		p, err := s.Prepare("default")
		if err != nil {
			if !errors.Is(err, catalog.ErrInvalid) {
				t.Errorf("error %q is not ErrInvalid", err)
			}
			return
		}
		for _, in := range p.Instances {
			value := in.EncodeValue()
			if read, err := catalog.DecodeValue(in.ID, value); err != nil || !reflect.DeepEqual(read, in) {
				t.Fatalf("a reader takes %s for\n%#v, %v, not\n%#v", value, read, err, in)
			}
		}
		if twice, err := p.Prepare("other"); err != nil || !reflect.DeepEqual(twice, p) {
			t.Fatalf("prepared twice: %+v, %v\nonce: %+v", twice, err, p)
		}
	})
}

func FuzzCleanPrefix(f *testing.F) {
	f.Fuzz(func(t *testing.T, prefix string) {
		p, err := catalog.CleanPrefix(prefix)
		if err != nil {
			refusal(t, err)
			return
		}
		if len(p) < 2 || p[0] != '/' || strings.HasSuffix(p, "/") || strings.Contains(p, "//") {
			t.Fatalf("%q is no clean prefix", p)
		}
		if again, err := catalog.CleanPrefix(p); err != nil || again != p {
			t.Fatalf("cleaned twice: %q, %v, once: %q", again, err, p)
		}
		if prefix != "" && strings.Trim(prefix, "/") != p[1:] {
			t.Fatalf("%q became %q", prefix, p)
		}
		rel, below := strings.CutPrefix(catalog.InstanceKey(p, "n", "s", "i"), p+"/")
		if k, err := catalog.ParseKey(rel); !below || err != nil || k.ID != "i" {
			t.Fatalf("a key below %q is read as %+v, %v", p, k, err)
		}
	})
}
