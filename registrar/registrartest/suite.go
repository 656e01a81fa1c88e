package registrartest

import "testing"

// group is a test of the suite.
type group struct {
	name string
	run  func(t *testing.T, f *fixture)
}

// readerGroups are what every driver passes, also one that only reads: they write by
// fixture.writer, and look at no more of an instance than DNS shows.
var readerGroups = []group{
	{"Reads", testReads},
	{"Follows", testFollows},
	{"Names", testNames},
	{"ResultIsShared", testShared},
	{"OnlyUp", testOnlyUp},
	{"Tags", testTags},
	{"Locality", testLocality},
	{"Prefer", testPrefer},
	{"MinUp", testMinUp},
	{"Alias", testAlias},
	{"Failover", testFailover},
	{"ClosedReader", testClosedReader},
	{"Watch", testWatch},
	{"WatchPolicy", testWatchPolicy},
	{"WatchSelectors", testWatchSelectors},
	{"WatchEnds", testWatchEnds},
	{"WatchCallsBack", testWatchCallsBack},
	{"Observer", testObserver},
}

// writerGroups are what a driver passes besides that also writes.
var writerGroups = []group{
	{"Register", testRegister},
	{"RegisterReplacesByID", testReplace},
	{"RegisterCopies", testCopies},
	{"RegisterRefuses", testRefuses},
	{"RegisterRefusesResults", testRefusesResults},
	{"RegisterFillsIn", testFillsIn},
	{"AnyStatus", testAnyStatus},
	{"AnyStatusIsOwn", testAnyStatusIsOwn},
	{"AnyStatusSelected", testSelectAnyStatus},
	{"Revision", testRevision},
	{"RevisionOfAlias", testRevisionOfAlias},
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
	{"ListOfPolicies", testListOfPolicies},
	{"WatchList", testWatchList},
	{"WatchListOfPolicies", testWatchListOfPolicies},
	{"WatchListEnds", testWatchListEnds},
	{"ObserverOfWriter", testObserverOfWriter},
	{"ObserverCallsBack", testObserverCallsBack},
	{"Drain", testDrain},
	{"DrainLasts", testDrainLasts},
	{"DrainRefuses", testDrainRefuses},
	{"Concurrency", testConcurrency},
}

// Run runs the suite, as parallel subtests of t. The driver must implement all
// that a registrar.Client can do, and set policies as the drivers of this module.
func Run(t *testing.T, open OpenFunc) {
	t.Helper()
	RunReader(t, open, open)
	runGroups(t, writerGroups, open, open)
}

// RunReader runs the part of the suite that a driver passes which only reads, as
// parallel subtests of t. Clients that open returns are of that driver, and those
// that write returns are of one that passes Run, with the same registry behind.
func RunReader(t *testing.T, open, write OpenFunc) {
	t.Helper()
	runGroups(t, readerGroups, open, write)
}

func runGroups(t *testing.T, groups []group, open, write OpenFunc) {
	t.Helper()
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			g.run(t, newFixture(t, open, write))
		})
	}
}
