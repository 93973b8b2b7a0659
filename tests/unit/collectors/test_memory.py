"""What configuration files were when they were last told of: across looks, restarts and days, in the spool's file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collectors import sections
from collectors.catalog import named_look
from collectors.settings import AgentSettings
from schemas.config import ConfigObserved
from tests.unit.collectors.test_front import World

FOLDER = "/srv/proxy"
SETTINGS = AgentSettings(proxy_configs=(f"{FOLDER}/*.conf",))
CONF = """server {{
    listen 443 ssl;
    server_name {name}.*;
    location / {{
        proxy_pass http://app:8080;
    }}
}}
"""


def raw(**files: str) -> str:
    return sections.join([(f"{FOLDER}/{name}.conf", content) for name, content in files.items()])


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.spool.close()


async def looked(world: World, text: str) -> list[ConfigObserved]:
    world.transport.answers = [text]
    world.transport.asked = 0
    await world.front.scheduled(world.device, named_look("proxy_configs", SETTINGS).look)
    return [event for event in await world.events() if isinstance(event, ConfigObserved)]


async def test_a_file_is_told_when_it_is_new_when_it_changes_and_once_a_day(world: World) -> None:
    old, new = raw(web=CONF.format(name="web")), raw(web=CONF.format(name="shop"))
    (first,) = await looked(world, old)
    assert await looked(world, old) == []
    (changed,) = await looked(world, new)
    assert changed.data.previous_hash == first.data.content_hash != changed.data.content_hash
    assert "+    server_name shop.*;" in (changed.data.diff or "")
    await world.clock.advance(86_000)
    assert await looked(world, new) == []
    await world.clock.advance(400)
    (again,) = await looked(world, new)
    assert (again.data.previous_hash, again.data.diff) == (None, None)


async def test_what_is_remembered_outlives_the_agent(world: World) -> None:
    await looked(world, raw(web=CONF.format(name="web"), shop=CONF.format(name="shop")))
    await world.reopen()
    assert await looked(world, raw(web=CONF.format(name="web"), shop=CONF.format(name="shop"))) == []
    (gone,) = await looked(world, raw(web=CONF.format(name="web")))
    assert (gone.data.path, gone.data.present) == (f"{FOLDER}/shop.conf", False)
    await world.reopen()
    assert await looked(world, raw(web=CONF.format(name="web"))) == []


async def test_what_another_version_remembered_is_told_anew(world: World) -> None:
    await looked(world, raw(web=CONF.format(name="web")))
    await world.forge_memory(b"something else")
    assert len(await looked(world, raw(web=CONF.format(name="web")))) == 1


async def test_a_device_that_is_retired_is_forgotten(world: World) -> None:
    await looked(world, raw(web=CONF.format(name="web")))
    assert await world.spool.memory("web-1", "proxy_configs")
    await world.forget_device()
    assert await world.spool.memory("web-1", "proxy_configs") == {}
