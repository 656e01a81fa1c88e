package load

import (
	"context"
	"math/rand/v2"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"
)

// changers is how many changes can be under way at once: enough for a thousand a
// second while etcd takes tens of milliseconds for one.
const changers = 64

// Change changes random instances of a data set, so many a second, until ctx is done.
// It returns how many it changed. The keys keep their leases.
func (d Dataset) Change(ctx context.Context, client *clientv3.Client, prefix string, rate int) (int, error) {
	var g errgroup.Group
	g.SetLimit(changers)
	start, n := time.Now(), 0
	for ; ; n++ {
		select {
		case <-ctx.Done():
			return n, g.Wait()
		case <-time.After(time.Until(start.Add(time.Duration(n) * time.Second / time.Duration(rate)))):
		}
		key, value := d.Key(prefix, rand.IntN(d.Instances())), Value(Address(rand.IntN(1<<24)))
		g.Go(func() error {
			_, err := client.Put(context.WithoutCancel(ctx), key, value, clientv3.WithIgnoreLease())
			return err
		})
	}
}
