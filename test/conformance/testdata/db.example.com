$ORIGIN example.com.
$TTL 300
@    SOA ns root 1 7200 1800 86400 300
     NS  ns
ns   A   192.0.2.1
db1  A   192.0.2.11
     AAAA 2001:db8:1::11
www  CNAME db1
