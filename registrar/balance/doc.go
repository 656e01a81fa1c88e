// Package balance picks an instance of a service for each request.
//
// A Balancer asks a client for the service at each pick, which costs no I/O, and so
// always picks from the present set:
//
//	orders := balance.New(client, "orders", balance.WithPolicy(balance.LeastLoaded))
//	…
//	picked, err := orders.Pick(ctx)
//	if err != nil {
//		return err // registrar.ErrNotFound: nobody is up
//	}
//	outcome := send(picked.Addr)
//	picked.Done(balance.Result{Outcome: outcome})
//
// # Which instance
//
// GetService says which instances answer: those that are up, or others where the
// service's policy has it so. Of these
//
//   - the ones without a port of the name and protocol asked for are left out (WithPort,
//     WithProtocol);
//   - the ones that could not be connected to just now are avoided: for a second after
//     the first failure and twice as long after each further one, up to half a minute.
//     Never more than half of the set is avoided;
//   - the ones with the lowest priority value answer, as RFC 2782 demands: others only
//     where none of them is left;
//   - their locality counts where the program says what its own is (WithLocality);
//   - one of them is chosen by the Policy: at random by weight, or by how loaded they are.
//
// Where all are avoided or excluded but some are only avoided, one of those is picked
// all the same: what a client can't reach may be its own fault.
//
// # Feedback
//
// Done reports what became of the request. What a Balancer learns of an instance in
// this way lives as long as the instance stays in the set with its ID and address;
// changes of other instances, of weights or of metadata leave it alone.
//
// Package httpbalance does all this for HTTP requests.
package balance
