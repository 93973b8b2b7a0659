"""A machine full of secrets: compose files, proxy configurations, containers, programs that complain of them."""

import base64
import json
from pathlib import Path

from tests.integration.docker_engine import IMAGE, Engine
from tests.integration.planted import Planting

COMPOSE = """\
name: nbrshop
x-secrets: &shared
  SHARED_TOKEN: "{shared}"
services:
  nbrweb:
    image: registry.example/nbrweb:{version}   # pulled with password {remark}
    command: ["run", "--listen", "0.0.0.0:8080", "--db-password", "{command}", "--verbose"]
    environment:
      <<: *shared
      DB_HOST: nbrdb
      DB_USER: nbrada
      DB_PASSWORD: '{environment}'
      DATABASE_URL: postgres://nbrada:{address}@nbrdb:5432/shop
      API_KEY: ${{NBR_API_KEY:-{default}}}
      FROM_FILE: ${{DOT_ENV_PASSWORD}}
    labels:
      traefik.http.routers.nbrweb.rule: Host(`nbr.example`)
      traefik.http.middlewares.nbr.basicauth.users: "nbrada:{label}"
    healthcheck:
      test: ["CMD-SHELL", "curl -u nbrada:{health} http://127.0.0.1:8080/nbrhealth"]
  nbrdb:
    image: postgres:17
    build: {{context: ., args: {{NPM_TOKEN: "{build}"}}}}
    entrypoint: sh -c 'PGPASSWORD={entrypoint} exec nbrstart'
    environment:
      - POSTGRES_USER=nbrada
      - POSTGRES_PASSWORD={entry}
configs:
  nbrconfig:
    content: "secret_key = {content}"
"""
PROXY = """\
# the password of nbrada is {remark}
server {{
    server_name nbrsite.example;
    set $upstream_app nbrapp;
    set $upstream_port {version}080;
    set $api_token "{variable}";
    auth_ldap_url ldap://nbrldap:389;
    auth_ldap_binddn_passwd "{ldap}";
    location / {{
        proxy_set_header Authorization "Basic {basic}";
        proxy_set_header X-Auth-Token {header};
        proxy_set_header X-Nbr-Header nbrvalue;
        if ($http_x_api_key != "{condition}") {{ return 403; }}
        proxy_pass http://$upstream_app:$upstream_port;
    }}
    location /nbrdirect {{ proxy_pass http://nbrada:{address}@nbrdirect:81/; }}
    # proxy_set_header X-Api-Key {commented};
}}
"""

COMPOSE_PLACES = (
    *("shared", "remark", "command", "environment", "default", "label", "health", "build", "entrypoint", "entry"),
    "content",
)
PROXY_PLACES = ("remark", "variable", "ldap", "header", "condition", "commented")


def write_files(folder: Path, secrets: Planting, *, version: int) -> None:
    """Write the configuration; another version has other secrets and a few other values."""

    def place(kind: str) -> str:
        return f"{kind} {version}"

    shop = folder / "srv" / "nbrshop"
    proxies = folder / "nginx"
    for made in (shop, proxies):
        made.mkdir(parents=True, exist_ok=True)
    found = {kind: secrets(place(f"compose {kind}")) for kind in COMPOSE_PLACES}
    address = secrets.in_address(place("compose address"))
    (shop / "compose.yaml").write_text(COMPOSE.format(version=version, address=address, **found))
    variables = {"DOT_ENV_PASSWORD": secrets(place("dot env")), "NBR_API_KEY": secrets(place("env key"))}
    (shop / ".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    found = {kind: secrets(place(f"proxy {kind}")) for kind in PROXY_PLACES}
    basic = base64.b64encode(f"nbrada:{secrets(place('proxy basic'))}".encode()).decode()
    address = secrets.in_address(place("proxy address"))
    (proxies / "nbrsite.subdomain.conf").write_text(
        PROXY.format(version=version, basic=basic, address=address, **found)
    )


def run_containers(engine: Engine, secrets: Planting) -> None:
    """Start one that is full of secrets, and one that cannot start because of its command."""
    options = (
        *("-e", f"NBR_PASSWORD={secrets('container environment')}"),
        *("-e", f"NBR_URL=amqp://nbrada:{secrets.in_address('container address')}@mq"),
        *("--label", f"nbr.auth.token={secrets('container label')}"),
        *("--label", "com.docker.compose.project=nbrproject", "--label", "com.docker.compose.service=nbrservice"),
        *("--health-cmd", f"echo {secrets('container health')}; false", "--health-interval", "1s"),
        *("--health-retries", "1"),
    )
    engine.run("nbrcontainer", "sleep", "1000", f"--password={secrets('container argument')}", options=options)
    wrong = f"nbrprogram --token={secrets('container command')}"
    engine.docker("create", "--name", "nbrwrong", "--network", "none", IMAGE, wrong)
    engine._docker("start", "nbrwrong")


def inspected(secrets: Planting) -> str:
    """Return what `docker inspect` says of a container, for machines on which no engine can be started."""
    state = {"Status": "exited", "ExitCode": 127, "Error": f'exec: "nbrprogram --token={secrets("container command")}"'}
    config = {
        "Image": "nbrimage",
        "Env": [f"NBR_PASSWORD={secrets('container environment')}"],
        "Cmd": ["sleep", f"--password={secrets('container argument')}"],
        "Labels": {"nbr.auth.token": secrets("container label"), "com.docker.compose.project": "nbrproject"},
    }
    return json.dumps([{"Id": "4fa2635b4dae", "Name": "/nbrcontainer", "State": state, "Config": config}])


def write_programs(folder: Path, secrets: Planting, *, engine: Engine | None) -> None:
    """Write programs that print secrets, on standard output and in what they complain of."""
    folder.mkdir()
    programs = {
        "systemctl": f"""
case "$*" in
*list-units*) echo 'nbrbackup.service loaded active running x'; echo 'run-u1.service loaded active running x';;
*Version*) echo 'Version=257';;
*) printf '%s\\n' Id=nbrbackup.service ActiveState=active SubState=running UnitFileState=enabled \
    'Description=nbrdescription of https://nbrada:{secrets.in_address("unit description")}@nas/' '' \
    Id=run-u1.service ActiveState=active SubState=running UnitFileState=transient \
    'Description=/bin/nbrjob --password {secrets("unit command line")}' '';;
esac""",
        "smartctl": f"""
echo 'nbrsmart cannot log in as nbrada with --password {secrets("complaint")}' >&2; exit 1""",
        "nvidia-smi": f"""
echo 'nbrgpu says token={secrets("no xml")} and no XML'""",
        "zpool": f"""
case "$1" in version) echo zfs-2.1.11-1;; *) echo 'nbrpool password: {secrets("no pool")}';; esac""",
        "zfs": f"""
echo 'nbrdataset Authorization: Bearer {secrets("no dataset")}'""",
        "ip": f"""
echo '[{{"ifname": "nbrlink0", "api_key": "{secrets("no json")}" oops'""",
        "apt-get": f"""
echo 'Inst nbrpackage from https://nbrada:{secrets.in_address("no package")}@deb.example'""",
        "podman": """
exit 1""",
    }
    if engine is None:
        programs["docker"] = f"""
case "$1" in
version) echo '{{"Server": {{"Version": "27"}}}}';;
ps) case "$*" in *label*) ;; *) echo 4fa2635b4dae;; esac;;
inspect) cat '{folder}/inspected';;
esac"""
        (folder / "inspected").write_text(inspected(secrets))
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
