"""Bearer tokens: made once, kept as a hash, gone the moment they are revoked.

The hash is one round of SHA-256: a token is 256 random bits, which nobody can guess from a hash
however fast it is; slow hashes are for passwords that people choose. A caller's token is looked
up by that hash, so how long a look-up takes tells nothing of any token.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from observer.domain.access import Caller, Role, Token, why_not_added
from observer.domain.token_order import TokenOrder
from observer.errors import RecordsUnavailable, TokenConflict, UnknownToken
from observer.records.database import Connection, Database
from observer.records.journal import Journal
from observer.records.spans import Spans

PREFIX = "obs_"
"""Says what it is to who finds one, and to scanners for secrets."""
_RANDOM_BYTES = 32
_COLUMNS = "id, name, role, tenant_id, created_at, expires_at, revoked_at, last_used_on"


class Tokens:
    """The one writer of `tokens`; what it knows in memory is what counts."""

    def __init__(self, database: Database, journal: Journal, notes: Spans) -> None:
        self._database = database
        self._journal = journal
        self._notes = notes
        self._known: dict[str, Token] = {}
        """By the token's hash."""

    async def open(self) -> None:
        """Take up what was made before."""
        rows = await self._database.read(
            lambda c: c.execute(
                f"SELECT hash, {_COLUMNS} FROM tokens ORDER BY created_at"
            ).fetchall()
        )
        for row in rows:
            facts = dict(row)
            digest = facts.pop("hash")
            self._known[digest] = Token(**{**facts, "role": Role(facts["role"])})

    @property
    def required(self) -> bool:
        """Whether callers need one: from the first on that was ever made.

        That the last one expired or was revoked opens nothing.
        """
        return bool(self._known)

    def listed(self) -> list[Token]:
        """All that were ever made, the oldest first."""
        return list(self._known.values())

    def bearer(self, text: str) -> Caller | None:
        """Who comes with this token; None where it is unknown, expired or revoked."""
        digest = _hash(text)
        token = self._known.get(digest)
        if token is None or not token.counts(time.time()):
            return None
        self._note_use(digest, token)
        return token.caller

    def still(self, caller: Caller) -> bool:
        """Whether who came in before would be let in now: for what lasts longer than a request."""
        if caller.name is None:
            return not self.required
        now = time.time()
        return any(t.caller == caller and t.counts(now) for t in self._known.values())

    async def add(self, order: TokenOrder, *, by: str | None) -> tuple[Token, str]:
        """Make a token; its text is told here and never again.

        Raises:
            TokenConflict: the name is taken, or nobody could make the next one.
        """
        now = time.time()
        token = Token(
            id=f"tk-{secrets.token_hex(4)}",
            name=order.name,
            role=order.role,
            tenant_id=order.tenant_id,
            created_at=now,
            expires_at=None if order.expires is None else now + order.expires,
        )
        if (why := why_not_added(token, self.listed(), now)) is not None:
            raise TokenConflict(why)
        text = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        digest = _hash(text)

        def work(connection: Connection) -> None:
            row = {**asdict(token), "hash": digest}
            marks = ", ".join(f":{column}" for column in row)
            connection.execute(f"INSERT INTO tokens ({', '.join(row)}) VALUES ({marks})", row)
            self._note(connection, token, "added", by)

        # Known before it is written, so that no second one takes the name meanwhile.
        self._known[digest] = token
        try:
            await self._database.write(work)
        except BaseException:
            del self._known[digest]
            raise
        return token, text

    async def revoke(self, named: str, *, by: str | None) -> Token:
        """Let a token, by its name or id, open nothing from this moment on.

        Raises:
            UnknownToken: none that counts is called so.
            RecordsUnavailable: it opens nothing any more, and a crash may forget that.
        """
        now = time.time()
        found = [
            (digest, token)
            for digest, token in self._known.items()
            if token.counts(now) and named in (token.id, token.name)
        ]
        if not found:
            raise UnknownToken(f"no token that counts has the name or id '{named}'")
        [(digest, token)] = found
        # At once: whoever holds it must not come in while this is being written.
        revoked = self._known[digest] = replace(token, revoked_at=now)

        def work(connection: Connection) -> None:
            connection.execute("UPDATE tokens SET revoked_at = ? WHERE id = ?", (now, token.id))
            self._note(connection, token, "revoked", by)

        try:
            await self._database.write(work)
        except RecordsUnavailable as error:
            self._notes.later(work)
            raise RecordsUnavailable(
                f"{token.id} opens nothing any more; it is written down as soon as that can be:"
                f" {error}"
            ) from error
        return revoked

    def _note_use(self, digest: str, token: Token) -> None:
        """To the day, so that it costs one write a day and is never in a request's way."""
        today = datetime.now(UTC).date().isoformat()
        if token.last_used_on == today:
            return
        self._known[digest] = replace(token, last_used_on=today)

        def work(connection: Connection) -> None:
            connection.execute("UPDATE tokens SET last_used_on = ? WHERE id = ?", (today, token.id))

        self._notes.later(work)

    def _note(self, connection: Connection, token: Token, what: str, by: str | None) -> None:
        self._journal.append(
            connection,
            "access",
            tenant_id=token.tenant_id,
            what=what,
            id=token.id,
            name=token.name,
            role=token.role,
            **({} if by is None else {"by": by}),
        )


def shown(token: Token) -> dict[str, Any]:
    """A token for people: what it is, and whether it counts."""
    return {**asdict(token), "counts": token.counts(time.time())}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
