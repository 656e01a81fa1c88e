package localaddr

import (
	"context"
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// TestChangesEnds: it tells that it has begun, and ends although nothing changes.
func TestChangesEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	begun := 0
	changes(ctx, func() {
		begun++
		cancel()
	})
	if begun == 0 {
		t.Error("it did not tell that it has begun")
	}
}

// TestDrain: messages of the kernel wake, and are gone then. Who may not change addresses
// can still ask for what there is, and the answer comes by the same socket.
func TestDrain(t *testing.T) {
	t.Parallel()
	socket, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	request := make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfAddrmsg)
	binary.NativeEndian.PutUint32(request, uint32(len(request)))
	binary.NativeEndian.PutUint16(request[4:], unix.RTM_GETADDR)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	if _, err := socket.Write(request); err != nil {
		t.Fatal(err)
	}
	if err := drain(socket); err != nil {
		t.Fatal(err)
	}
}
