package etcdclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// errUnanswered is what a server looks like that takes connections and has not
// answered a request yet. Why gRPC doesn't tell before the request has timed out.
var errUnanswered = errors.New("the server accepts connections but does not answer: it is stopped, overloaded or not an etcd client port, or it requires TLS (https) or a client certificate")

// lastError remembers why the last attempt to connect failed. gRPC tries again in
// silence, so that a request only ever sees its own time-out. It is safe for
// concurrent use.
type lastError struct {
	err atomic.Pointer[error] // nil while the server answers
}

// get returns the error; nil before the first attempt and while the server
// answers.
func (l *lastError) get() error {
	if err := l.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (l *lastError) note(err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed) {
		return // this side gave up
	}
	l.err.Store(&err)
}

// connected notes that a server takes connections. What it said to the one before, which
// it answers again in a moment, says more.
func (l *lastError) connected(address net.Addr) {
	if other, ok := errors.AsType[*otherServerError](l.get()); ok && other.address == address.String() {
		return
	}
	l.note(fmt.Errorf("%v: %w", address, errUnanswered))
}

// answered notes that the server answers.
func (l *lastError) answered() {
	if l.err.Load() != nil { // so that an answer costs a load
		l.err.Store(nil)
	}
}

// options has connections and answers noted.
func (l *lastError) options(transport credentials.TransportCredentials) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithContextDialer(l.dial),
		grpc.WithTransportCredentials(noted{transport, l}),
		grpc.WithChainUnaryInterceptor(l.unary),
		grpc.WithChainStreamInterceptor(l.stream),
	}
}

func (l *lastError) dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		l.note(err) // names the address
		return nil, err
	}
	return conn, nil
}

func (l *lastError) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, cc, opts...)
	if err == nil || KindOf(err) != NoAnswer {
		l.answered()
	}
	return err
}

func (l *lastError) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := open(ctx, desc, cc, method, opts...)
	if err != nil {
		return nil, err
	}
	return notedStream{s, l}, nil
}

// notedStream is a stream whose messages are answers, and so is a refusal.
type notedStream struct {
	grpc.ClientStream
	last *lastError
}

// RecvMsg implements grpc.ClientStream.
func (s notedStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil || KindOf(err) != NoAnswer {
		s.last.answered()
	}
	return err
}

// noted are credentials whose handshakes are noted.
type noted struct {
	credentials.TransportCredentials
	last *lastError
}

// ClientHandshake implements credentials.TransportCredentials. A server that
// wants TLS, or that speaks TLS 1.3 and refuses a client's certificate, hangs up
// afterwards.
func (n noted) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := n.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		n.last.note(fmt.Errorf("handshake with %q: %w", authority, err))
		return nil, nil, err
	}
	n.last.connected(raw.RemoteAddr())
	return &listening{Conn: conn, note: n.last.note}, info, nil
}

// Clone implements credentials.TransportCredentials.
func (n noted) Clone() credentials.TransportCredentials {
	return noted{n.TransportCredentials.Clone(), n.last}
}
