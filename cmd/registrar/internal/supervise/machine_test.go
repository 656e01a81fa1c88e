package supervise

import "testing"

func TestNext(t *testing.T) {
	t.Parallel()
	type to struct {
		state  state
		action action
	}
	for _, c := range []struct {
		name string
		from state
		want map[event]to // an event that is missing changes nothing
	}{
		{"running", running, map[event]to{
			asked: {draining, drain}, ended: {draining, drain}, gone: {leaving, drain},
		}},
		{"draining", draining, map[event]to{
			asked: {stopping, stop}, drained: {draining, delay}, elapsed: {stopping, stop}, gone: {leaving, nothing},
		}},
		{"stopping", stopping, map[event]to{
			asked: {killing, kill}, elapsed: {killing, kill}, gone: {over, nothing},
		}},
		{"killing", killing, map[event]to{
			elapsed: {over, nothing}, gone: {over, nothing},
		}},
		{"leaving", leaving, map[event]to{
			asked: {over, nothing}, drained: {leaving, delay}, elapsed: {over, nothing},
		}},
		{"over", over, nil},
	} {
		for e := asked; e <= gone; e++ {
			want, changes := c.want[e]
			if !changes {
				want = to{c.from, nothing}
			}
			if s, a := next(c.from, e); (to{s, a}) != want {
				t.Errorf("%s: event %d leads to state %d by action %d, want %d by %d", c.name, e, s, a, want.state, want.action)
			}
		}
	}
}
