// Loaded first (node --import): every server that names no host listens on 127.0.0.1 only.
import net from 'node:net'

const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...args) {
  const [first, ...rest] = args
  if (typeof first === 'number' || (typeof first === 'string' && /^\d+$/.test(first))) {
    const started = rest.find((each) => typeof each === 'function')
    return listen.call(this, { port: Number(first), host: '127.0.0.1' }, started)
  }
  if (first && typeof first === 'object' && first.port !== undefined && !first.path) {
    return listen.call(this, { ...first, host: '127.0.0.1' }, ...rest)
  }
  return listen.apply(this, args)
}
