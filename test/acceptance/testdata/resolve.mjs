// Prints what Node's resolver finds for a name, one record a line, or the code of its error.
//
//	node resolve.mjs A|AAAA|ANY|SRV|TXT NAME
//
// ANY asks as programs connect, by the system's getaddrinfo.
import { promises as dns } from 'node:dns'

const [type, name] = process.argv.slice(2)
const lines = {
  A: (address) => address,
  AAAA: (address) => address,
  ANY: ({ address }) => address,
  SRV: ({ priority, weight, port, name }) => `${priority} ${weight} ${port} ${name}`,
  TXT: (strings) => strings.join(' '),
}
try {
  const records = type === 'ANY' ? await dns.lookup(name, { all: true }) : await dns.resolve(name, type)
  console.log(['found', ...records.map(lines[type])].join('\n'))
} catch (err) {
  if (err.code === undefined) throw err
  console.log(err.code)
}
