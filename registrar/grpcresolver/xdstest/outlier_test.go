// Package xdstest tests grpcresolver with what comes with gRPC's package xds. It is a module
// of its own so that those who use the resolver don't get what that depends on.
package xdstest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rosterdns/roster/registrar/grpcresolver/internal/grpctest"

	_ "github.com/rosterdns/roster/registrar/grpcresolver/weightedrandom"
	_ "google.golang.org/grpc/xds" // outlier detection
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestOutlierDetection: of an instance that fails, gRPC takes the requests away, and tries
// it again later; with children that know the weights, and with those that don't.
func TestOutlierDetection(t *testing.T) {
	t.Parallel()
	for _, child := range []string{"round_robin", "roster_weighted_random"} {
		t.Run(child, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := grpctest.New(t)
				bad := w.Start(grpctest.Instance("bad", "10.0.0.1"))
				bad.On(func(context.Context) error { return status.Error(codes.Internal, "out of memory") })
				w.Start(grpctest.Instance("good", "10.0.0.2"))
				w.Start(grpctest.Instance("well", "10.0.0.3"))
				cc := w.Dial("roster:///orders", `{"loadBalancingConfig":[{"outlier_detection_experimental":{
					"interval":"10s", "baseEjectionTime":"30s", "maxEjectionPercent":50,
					"failurePercentageEjection":{"threshold":50, "enforcementPercentage":100, "minimumHosts":3, "requestVolume":10},
					"childPolicy":[{"`+child+`":{}}]}}]}`)
				synctest.Wait()
				if got := w.Calls(cc, 300); got[""] < 60 {
					t.Fatalf("answered by %v, want a third to fail", got)
				}
				time.Sleep(11 * time.Second)
				if got := w.Calls(cc, 300); got[""] > 0 {
					t.Errorf("ejected, but answered by %v", got)
				}
				bad.On(nil)
				time.Sleep(time.Minute)
				if got := w.Calls(cc, 300); got["bad"] < 60 || got[""] > 0 {
					t.Errorf("back again, but answered by %v", got)
				}
			})
		})
	}
}
