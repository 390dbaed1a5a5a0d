// A NestJS app whose log goes to a file and to the terminal, with nestjs-pino. Like any NestJS app, it needs
// "experimentalDecorators" and "emitDecoratorMetadata" in the tsconfig.json.
import 'reflect-metadata'
import { Controller, Get, Module, Param } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { InjectPinoLogger, Logger, LoggerModule, PinoLogger } from 'nestjs-pino'
import pino from 'pino'

const transport = pino.transport({
  target: 'pino-breaker-fanout',
  options: {
    targets: [
      { target: 'pino/file', options: { destination: 'app.log' } },
      { target: 'pino-pretty', options: { colorize: false } }
    ]
  }
})

@Controller('orders')
class OrdersController {
  constructor (@InjectPinoLogger('orders') private readonly logger: PinoLogger) {}

  @Get(':id')
  find (@Param('id') id: string) {
    this.logger.info({ order: id }, 'order looked up')
    return { order: id }
  }
}

@Module({ imports: [LoggerModule.forRoot({ pinoHttp: { stream: transport } })], controllers: [OrdersController] })
class AppModule {}

async function bootstrap () {
  const app = await NestFactory.create(AppModule, new FastifyAdapter(), { bufferLogs: true })
  app.useLogger(app.get(Logger))
  await app.listen(Number(process.env['PORT'] ?? 3000))
  // enableShutdownHooks() alone would end the process by a signal, which leaves no time for the last lines.
  process.on('SIGTERM', () => app.close())
}
bootstrap()
