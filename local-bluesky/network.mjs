// A whole network: directory (in memory), server and AppView. Says READY on standard output once
// it takes calls; ends on SIGTERM, or when its standard input is closed.
import { TestNetwork } from '@atproto/dev-env'

const { PLC_PORT, PDS_PORT, BSKY_PORT } = process.env
const network = await TestNetwork.create({
  plc: { port: Number(PLC_PORT) },
  pds: { port: Number(PDS_PORT), hostname: 'localhost', enableDidDocWithSession: true },
  bsky: { port: Number(BSKY_PORT), publicUrl: `http://localhost:${BSKY_PORT}` },
  dbPostgresSchema: 'bsky',
})
await network.processAll()

let stopping = false
const stop = async () => {
  if (stopping) return
  stopping = true
  await network.close().catch(() => {})
  process.exit(0)
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
process.stdin.on('end', stop)
process.stdin.resume()
console.log('READY')
