package registrartest

import "testing"

// Run runs the suite, as parallel subtests of t. The driver must implement all
// that a registrar.Client can do, and set policies as the drivers of this module.
func Run(t *testing.T, open OpenFunc) {
	t.Helper()
	groups := []struct {
		name string
		run  func(t *testing.T, f *fixture)
	}{
		{"Register", testRegister},
		{"RegisterReplacesByID", testReplace},
		{"RegisterCopies", testCopies},
		{"RegisterRefuses", testRefuses},
		{"RegisterFillsIn", testFillsIn},
		{"Status", testStatusOfInstances},
		{"Names", testNames},
		{"ResultIsShared", testShared},
		{"Revision", testRevision},
		{"UnregisterNamed", testUnregisterNamed},
		{"UnregisterAll", testUnregisterAll},
		{"UnregisterAbsent", testUnregisterAbsent},
		{"UnregisterOfOthers", testUnregisterOfOthers},
		{"UnregisterTwice", testUnregisterTwice},
		{"UnregisterRefuses", testUnregisterRefuses},
		{"RegisterAgain", testRegisterAgain},
		{"Superseded", testSuperseded},
		{"Logger", testLogger},
		{"Static", testStatic},
		{"Close", testClose},
		{"Init", testInit},
		{"List", testList},
		{"Wait", testWait},
		{"Policy", testPolicy},
		{"MinUp", testMinUp},
		{"Alias", testAlias},
		{"Failover", testFailover},
		{"ListOfPolicies", testListOfPolicies},
		{"Concurrency", testConcurrency},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			g.run(t, newFixture(t, open))
		})
	}
}
