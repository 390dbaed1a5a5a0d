import t from 'tap'
import { Faults } from '#lib/options/faults'
import { readEnvironment } from '#lib/options/env'
import { isPath, isPipe, isRelative, keyOfPath, toPath, toSocketPath } from '#lib/paths'
import { platformOf } from '#lib/platform'

const [windows, linux, mac] = [platformOf('win32'), platformOf('linux'), platformOf('darwin')]

t.test('on Windows a drive, a share and a URL are paths, and what depends on the working directory of a drive is none', async t => {
  for (const target of ['C:\\app\\sink.js', 'C:/app/sink.js', '\\\\server\\share\\sink.js', '\\sink.js', 'file:///C:/app/sink.js']) t.ok(isPath(target, windows), target)
  for (const target of ['C:sink.js', 'sink', '@scope/sink', '.\\sink.js']) t.notOk(isPath(target, windows), target)
  t.ok(isRelative('.\\sink.js') && isRelative('..\\sink.js') && isRelative('./sink.js'))
})

t.test('elsewhere only a slash begins a path', async t => {
  t.ok(isPath('/app/sink.js', linux) && isPath('file:///app/sink.js', linux))
  for (const target of ['C:\\app\\sink.js', '\\\\server\\share\\sink.js', 'sink']) t.notOk(isPath(target, linux), target)
})

t.test('a path is made absolute by the rules of its system', async t => {
  t.equal(toPath('logs\\app.log', 'C:\\app', windows), 'C:\\app\\logs\\app.log')
  t.equal(toPath('\\\\server\\share\\app.log', 'C:\\app', windows), '\\\\server\\share\\app.log')
  t.equal(toPath('D:\\app.log', 'C:\\app', windows), 'D:\\app.log')
  t.equal(toPath('C:app.log', 'C:\\app', windows), 'C:\\app\\app.log')
  t.equal(toPath('file:///C:/my%20app/sink.js', 'C:\\app', windows), 'C:\\my app\\sink.js')
  t.equal(toPath('file://server/share/sink.js', 'C:\\app', windows), '\\\\server\\share\\sink.js')
  t.throws(() => toPath('file:///app/sink.js', 'C:\\app', windows), TypeError, 'without a drive')
  t.equal(toPath('logs/app.log', '/app', linux), '/app/logs/app.log')
  t.equal(toPath('file:///my%20app/sink.js', '/app', linux), '/my app/sink.js')
})

t.test('a named pipe is used as it is, and the path of a socket is made absolute', async t => {
  for (const pipe of ['\\\\.\\pipe\\log', '\\\\?\\pipe\\log', '//./pipe/log']) {
    t.ok(isPipe(pipe))
    t.equal(toSocketPath(pipe, 'C:\\app', windows), pipe)
  }
  t.equal(toSocketPath('log.sock', '/app', linux), '/app/log.sock')
  t.notOk(isPipe('C:\\pipe\\log'))
})

t.test('two spellings of a file are told to be the same where the system takes them for that', async t => {
  for (const spelling of ['C:\\Logs\\A.LOG', 'c:\\logs\\a.log', 'C:/logs/./a.log', 'C:\\logs\\x\\..\\a.log']) t.equal(keyOfPath(spelling, windows), 'c:\\logs\\a.log')
  t.equal(keyOfPath('/logs/A.LOG', mac), keyOfPath('/logs/a.log', mac))
  t.equal(keyOfPath('/logs/ä.log'.normalize('NFD'), mac), keyOfPath('/logs/ä.log'.normalize('NFC'), mac))
  t.not(keyOfPath('/logs/A.LOG', linux), keyOfPath('/logs/a.log', linux))
})

t.test('on Windows the name of a variable may have any case', async t => {
  const env = { pino_breaker_fanout_Queue__Max_Bytes: '1000000' }
  const faults = new Faults()
  t.match(readEnvironment(env, [], faults, windows).settings, [{ variable: 'PINO_BREAKER_FANOUT_QUEUE__MAX_BYTES', value: 1000000 }])
  t.same(readEnvironment(env, [], faults, linux).settings, [])
})
