"""A gateway: pushes a post, prints the reply and ends. Arguments: Luister's URL for it, own port.

WEBHOOK_SECRET=whsec_... python webhook_client.py http://127.0.0.1:8080/platforms/webhook/NAME 9000
"""

import asyncio
import hmac
import json
import os
import sys
import time
from base64 import b64decode, b64encode

from aiohttp import ClientSession, web

KEY = b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
POST = {"event": "new", "id": "p1", "text": "When will the bins be emptied?", "author": "1"}
POST |= {"created_at": "2026-11-20T12:00:00Z", "addressed": "mention"}
kept, replied = {}, asyncio.Event()  # a real gateway keeps replies on disk, for 24 hours


def headers(id: str, at: str, body: bytes) -> dict[str, str]:
    made = b64encode(hmac.digest(KEY, f"{id}.{at}.".encode() + body, "sha256")).decode()
    return {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": f"v1,{made}"}


async def receive(request: web.Request) -> web.Response:
    body, sent = await request.read(), request.headers
    good = headers(sent["webhook-id"], sent["webhook-timestamp"], body)["webhook-signature"]
    late = abs(time.time() - int(sent["webhook-timestamp"])) > 300
    if late or not any(hmac.compare_digest(good, s) for s in sent["webhook-signature"].split()):
        return web.json_response({}, status=401)
    asked = json.loads(body)
    if (known := kept.setdefault(asked["key"], asked)) != asked:
        return web.json_response({}, status=409)
    if known is asked:
        print(asked["under"], asked["text"])  # here it would be published
    replied.set()
    return web.json_response({"id": "r-" + asked["key"]})


async def main(url: str, port: int) -> None:
    app = web.Application()
    app.router.add_post("/", receive)
    await (runner := web.AppRunner(app)).setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    body, status = json.dumps({"posts": [POST]}).encode(), 503
    async with ClientSession() as session:
        while status == 503:
            head = headers("push-1", str(int(time.time())), body)
            async with session.post(url, data=body, headers=head) as answer:
                status = answer.status
    print(status, flush=True)
    await replied.wait()
    await runner.cleanup()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
