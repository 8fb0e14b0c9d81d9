"""Real third-party clients against the stand-in: what they read is printed as one JSON object.

usage: clients.py (aiobiketrax|pytraccar) PORT
"""
import asyncio
import datetime
import inspect
import json
import sys

import aiohttp

PORT = int(sys.argv[2])
BASE = f"http://127.0.0.1:{PORT}"
EMAIL, PASSWORD, TOKEN = "owner@example.org", "secret", "simulated-token"


async def until(session, is_enough):
    """Makes alarms until the client has heard enough."""
    for _ in range(100):
        if is_enough():
            return
        await session.post(f"{BASE}/simulator/alarm?device=1&kind=movement")
        await asyncio.sleep(0.1)


async def aiobiketrax(session):
    import aiobiketrax
    from aiobiketrax import api

    # Its three servers have fixed names: the identity service, the tracking server, the admin API.
    api.API_TRACCAR_ENDPOINT = f"{BASE}/api"
    api.API_ADMIN_ENDPOINT = f"{BASE}/admin/api"
    database = api.AsyncDatabase
    api.AsyncDatabase = lambda domain: database(f"127.0.0.1:{PORT}", protocol="http")

    account = aiobiketrax.Account(EMAIL, PASSWORD, session)
    await account.update_devices()
    device = account.devices[0]
    before = device.status
    await device.set_guarded(True)
    await device.set_stolen(True)
    updates = []
    account.start(lambda: updates.append(device.is_alarm_triggered))
    await until(session, lambda: any(updates))
    await device.update_position()
    await device.update_subscription()
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(hours=30)
    await device.update_trips(now - day, now)
    track = await account.traccar_api.get_positions(device.id, now - day, now)
    await account.stop()

    try:
        await aiobiketrax.Account(EMAIL, "wrong", session).update_devices()
        refusal = None
    except Exception as error:
        refusal = type(error).__name__
    return {
        "version": aiobiketrax.__version__,
        "devices": [[d.id, d.name] for d in account.devices],
        "statuses": [before, device.status],
        "place": [device.latitude, device.longitude],
        "battery": device.battery_level,
        "guarded": device.is_guarded,
        "stolen": device.is_stolen,
        "alarm": device.is_alarm_triggered,
        "subscription": device.subscription_type,
        "trips": len(device.trips),
        "track": len(track),
        "updates": len(updates),
        "refusal": refusal,
    }


async def pytraccar(session):
    from importlib.metadata import version

    from pytraccar import ApiClient

    # Version 3 logs in by token, the ones before by e-mail and password.
    by_token = "token" in inspect.signature(ApiClient.__init__).parameters
    login = [TOKEN] if by_token else [EMAIL, PASSWORD]
    client = ApiClient("127.0.0.1", *login, session, port=PORT)
    server = await client.get_server()
    devices = await client.get_devices()
    positions = await client.get_positions()
    geofences = await client.get_geofences()
    heard = []

    async def callback(data):
        heard.append(data)

    subscription = asyncio.create_task(client.subscribe(callback))
    await until(session, lambda: any(data["events"] for data in heard))
    status = client.subscription_status
    events = await client.get_reports_events(devices=[device["id"] for device in devices])
    alarms = await client.get_reports_events(devices=[1], event_types=["alarm"])
    # A server that goes down ends the subscription with an error of the client's own.
    await session.post(f"{BASE}/simulator/drop?graceful=true")
    try:
        await asyncio.wait_for(subscription, 10)
        end = "nothing"
    except Exception as error:
        end = type(error).__name__

    wrong = ["wrong"] if by_token else [EMAIL, "wrong"]
    try:
        await ApiClient("127.0.0.1", *wrong, session, port=PORT).get_devices()
        refusal = None
    except Exception as error:
        refusal = type(error).__name__
    return {
        "version": version("pytraccar"),
        "server": server["version"],
        "devices": [[device["id"], device["name"]] for device in devices],
        "positions": [position["deviceId"] for position in positions],
        "geofences": [geofence["name"] for geofence in geofences],
        "status": status.value,
        "keys": [[key for key, value in data.items() if value] for data in heard],
        "pushed": [event["id"] for data in heard for event in data["events"] or []],
        "messages": [event["attributes"]["message"] for data in heard for event in data["events"] or []],
        "reported": [event["id"] for event in events],
        "alarms": [event["type"] for event in alarms],
        "end": end,
        "refusal": refusal,
    }


async def main():
    # Cookies of an address that is a number are refused without this.
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        found = await (aiobiketrax if sys.argv[1] == "aiobiketrax" else pytraccar)(session)
        print(json.dumps(found))


asyncio.run(main())
