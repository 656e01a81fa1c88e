package supervise

// state is how far the end of a command has come.
type state uint8

const (
	running  state = iota
	draining       // clients are told to stay away, and given time to notice
	stopping       // the process group was sent the signal that ends it
	killing        // the process group was killed
	leaving        // nothing is left to end; clients are told, and given time to notice
	over
)

// event is what a state can end by.
type event uint8

const (
	asked   event = iota // a signal asks for the end
	drained              // clients are told, as far as that is possible now
	elapsed              // the time of the state is over
	ended                // the command has ended, but not all of its process group
	gone                 // the command and all of its process group have ended
)

// action is what is done on the way to the next state.
type action uint8

const (
	nothing action = iota
	drain          // tell clients
	delay          // start the time of the drain delay
	stop           // send the signal that ends the process group, start the time until it is killed
	kill           // kill the process group, start the time until it is given up
)

// next returns what an event leads to. Each request to end that comes after the first
// one skips what it would have to wait for.
func next(s state, e event) (state, action) {
	switch s {
	case running:
		switch e {
		case asked, ended:
			return draining, drain
		case gone:
			return leaving, drain
		}
	case draining:
		switch e {
		case drained:
			return draining, delay
		case asked, elapsed:
			return stopping, stop
		case gone:
			return leaving, nothing // the drain, or its delay, goes on
		}
	case stopping:
		switch e {
		case asked, elapsed:
			return killing, kill
		case gone:
			return over, nothing
		}
	case killing:
		if e == elapsed || e == gone {
			return over, nothing
		}
	case leaving:
		switch e {
		case drained:
			return leaving, delay
		case asked, elapsed:
			return over, nothing
		}
	}
	return s, nothing
}
