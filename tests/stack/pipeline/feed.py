"""The upstream feed's stand-in: a line of JSON for everybody who is connected, again and again."""

from __future__ import annotations

import asyncio
import json
import time

from tests.stack.pipeline.shared import run, seconds, setting

ENTITIES = 100


async def main() -> None:
    every = seconds("EVERY")

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        try:
            while not reader.at_eof():
                number += 1
                record = {"entity": number % ENTITIES, "at": time.time()}
                writer.write(json.dumps(record).encode() + b"\n")
                await writer.drain()
                await asyncio.sleep(every)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(stream, "127.0.0.1", int(setting("FEED_PORT")))
    await server.serve_forever()


if __name__ == "__main__":
    run(main())
