"""What stays of an hour: files and addresses, and their release to those who had a seat."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from sessions_live.errors import NothingToRelease
from sessions_live.models import LiveSession, Material
from sessions_live.models.around import materials_storage
from sessions_live.operations.locks import lock_live_session


def add_material(*, material: Material, actor: User, now: datetime) -> Material:
    """Store the file of a new material, if it is one, and then its row. Of a session that is released it can be seen at once.

    The store may be far away: no transaction is open meanwhile. One that dies in between leaves a file that nobody finds.
    """
    if material.file.name:
        material.file.save(material.file.name, material.file.file, save=False)
    with transaction.atomic():
        material.added_at = now
        material.save()
        audit.record(
            actor=actor,
            verb="material_added",
            target=material.live_session,
            detail={"material": material.pk, "kind": material.kind},
            now=now,
        )
    return material


def change_material(*, material: Material, fields: Sequence[str], actor: User, now: datetime) -> None:
    """Keep what was changed of a material: its title, say. All else may be newer than this form, and is left alone."""
    with transaction.atomic():
        material.save(update_fields=fields)
        audit.record(
            actor=actor,
            verb="material_changed",
            target=material.live_session,
            detail={"material": material.pk, "fields": sorted(fields)},
            now=now,
        )


def remove_material(*, material_id: int, actor: User, now: datetime) -> None:
    """Take a material from its session, and its file from the store once that stands. Twice is as good as once."""
    with transaction.atomic():
        # The row's lock: of two who remove it one comes second and finds nothing.
        material = Material.objects.select_for_update().filter(pk=material_id).first()
        if material is None:
            return
        audit.record(
            actor=actor,
            verb="material_removed",
            target=material.live_session,
            detail={"material": material.pk, "title": material.title},
            now=now,
        )
        material.delete()
        if material.file.name:
            transaction.on_commit(partial(materials_storage().delete, material.file.name))


def release_materials(*, live_session_id: int, actor: User, now: datetime) -> LiveSession:
    """Show the session's materials to those who had a seat; the follow-up sweep then writes to them. Twice changes nothing.

    Refuses with NothingToRelease before the end, for a canceled session, and where there is no material.
    """
    with transaction.atomic():
        # The session's lock: two members of staff release it at once, one audit entry.
        live_session = lock_live_session(live_session_id)
        if live_session.materials_released_at is not None:
            return live_session
        if live_session.state not in (LiveSession.State.PUBLISHED, LiveSession.State.ENDED):
            raise NothingToRelease(f"It is {live_session.get_state_display().lower()}.")
        if now < live_session.ends_at:
            raise NothingToRelease("It is not over.")
        if not live_session.materials.exists():
            raise NothingToRelease("It has no materials.")
        live_session.materials_released_at = now
        live_session.save(update_fields=["materials_released_at"])
        audit.record(actor=actor, verb="materials_released", target=live_session, now=now)
        return live_session
