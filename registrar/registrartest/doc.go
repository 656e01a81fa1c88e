// Package registrartest is the behaviour that every driver of package registrar
// shares, as tests. With the build tag timing it judges time as well, which takes
// a machine that does nothing else. A driver's own tests call Run:
//
//	func TestBehaviour(t *testing.T) {
//		store := newBackend(t)
//		registrartest.Run(t, func(t *testing.T, opts ...registrar.Option) *registrar.Client {
//			return open(t, store, opts...)
//		})
//	}
//
// Those of a driver that only reads call RunReader.
package registrartest
