package services

import (
	"slices"
	"testing"

	"github.com/rosterdns/roster/internal/mirror"
)

// TestStored: a record is the same again when it was stored, without its override.
func TestStored(t *testing.T) {
	t.Parallel()
	var s storedReader
	for _, in := range someInstances() {
		r := newRecord(&in)
		for _, shown := range []record{r, r.under(override{statuses[2], 1 << 40})} {
			value := shown.appendStored(nil)
			if got, err := s.record(in.ID, value); err != nil || got != r || !isStored(value) {
				t.Errorf("%s is %q, %v; want %q", in.ID, got, err, r)
			}
			for n := 1; n < len(value); n++ {
				if got, err := s.record(in.ID, value[:n]); err == nil {
					t.Errorf("%s cut after %d bytes is %q", in.ID, n, got)
				}
			}
			if got, err := s.record(in.ID, append(value, 0)); err == nil {
				t.Errorf("%s with a byte more is %q", in.ID, got)
			}
		}
	}
}

// TestStoredInEtcd: only a snapshot can have a record; in etcd it is no value.
func TestStoredInEtcd(t *testing.T) {
	t.Parallel()
	in := someInstances()[0]
	r := newRecord(&in)
	value := r.appendStored(nil)
	s, _ := newStore(t)
	apply(s, batch(put(2, "n/s/a", string(value))))
	if s.Load().Instances() != 0 {
		t.Error("a record in etcd is served")
	}
	apply(s, batch(mirror.Event{Key: "n/s/a", Value: value, ModRevision: 3, Restored: true}))
	if s.Load().Instances() != 1 {
		t.Error("a record of a snapshot is not served")
	}
}

// TestStoredByEarlierPrograms: files of version 1 have instances as etcd does, whose lease
// isn't known.
func TestStoredByEarlierPrograms(t *testing.T) {
	t.Parallel()
	s, sk := newStore(t)
	apply(s, batch(mirror.Event{Key: "n/s/a", Value: []byte(value(3, "")), ModRevision: 2, Restored: true}))
	if got, want := show(s.Load()), []string{"n/s@2: a=3/up"}; !slices.Equal(got, want) || len(sk.lines()) > 0 {
		t.Errorf("restored %q, want %q; logged %q", got, want, sk.lines())
	}
}

// FuzzStored: whatever a file says, what is taken for a record is one.
func FuzzStored(f *testing.F) {
	for _, in := range someInstances() {
		r := newRecord(&in)
		f.Add(r.appendStored(nil)[1:])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var s storedReader
		r, err := s.record("a", append([]byte{storedForm}, body...))
		if err != nil {
			return
		}
		in := r.instance()
		if err := in.Validate(); err != nil {
			t.Fatalf("it is not valid: %v", err)
		}
		if err := recordErr(r, in); err != nil {
			t.Fatal(err)
		}
		if again := newRecord(&in); again != r {
			t.Fatalf("made anew it is %q", again)
		}
	})
}
