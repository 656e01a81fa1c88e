// Package harness runs what end-to-end tests need as processes of their own:
// etcd, the built coredns and registrar, and programs of the test itself. All
// listen on loopback at ports that are free, so that tests run in parallel and
// beside anything else. What a process wrote is shown when its test fails.
//
// Bounds of time are judged with the build tag timing only, by Eventually and
// Within: a machine that runs other tests misses any.
//
// A package that uses it has a TestMain that calls Main.
package harness
