package roster

import "github.com/prometheus/client_golang/prometheus"

// replicas are those of this process. A reload makes new handlers before it lets
// the old ones go, so that only something beyond both can hand replicas over.
var replicas = func() *pool {
	p := newPool(logger)
	//nolint:forbidigo // promauto can't register a collector of our own
	prometheus.MustRegister(collector{p})
	return p
}()

// recentViews are those of services that are not large.
var recentViews = &viewQueue{limit: maxViewed}

// packed bounds what the packed record sets of this process take: they are with the
// replicas, and so outlive a reload.
var packed = newPackCache(maxPacked)
