"""The verbs about splits as methods: :class:`oxide.Repository` inherits them."""

from __future__ import annotations

from oxide.workspace import read_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oxide.repository import Repository
    from oxide.types import Leak, Progress, Split, SplitResult


class SplitVerbs:
    """Training, validation and held-out files. A file's split is its metadata ``split``, so it is in one at most."""

    def _with_splits(self) -> Repository:
        return self  # type: ignore[return-value]  # nothing else inherits this

    def create_split(
        self,
        name: str,
        *,
        per_class: int | None = None,
        ratio: float | None = None,
        count: int | None = None,
        class_from: str = "label",
        group_by: str | None = None,
        stratify: bool = False,
        seed: int = 0,
        freeze: bool = False,
        dry_run: bool = False,
    ) -> SplitResult:
        """Choose pictures and videos that are in no split yet for a new one: ``per_class`` of each class, a ``ratio``
        of them all, or a ``count``; the latter two with ``stratify`` of each class in proportion.

        ``class_from``: ``label`` (what a file is classified as, else the only label on it), ``folder`` or ``filename``
        (its first word). Files of equal content and frames of one video stay together, and with ``group_by`` files with
        equal ``metadata.KEY``; so a class may get fewer than asked for, never more. The same ``seed`` chooses the same
        contents, whatever else is added or renamed. ``freeze``: see :meth:`freeze_split`, in the same operation.

        Raises:
            AlreadyExists: there is such a split.
            InvalidInput: the size is out of range, or there are not enough files.
            NothingToDo: no file can be chosen.
        """
        from oxide.splits import splitting
        from oxide.splits.choosing import Amount

        return splitting.create(
            self._with_splits(),
            name,
            Amount(per_class, ratio, count, stratify),
            class_from=class_from,
            group_by=group_by,
            seed=seed,
            frozen=freeze,
            dry_run=dry_run,
        )

    def splits(self, at: str | None = None) -> list[Split]:
        """Every split of a revision (none: of what is pending), and the frozen ones."""
        from oxide.splits import splitting

        repository = self._with_splits()
        return splitting.splits(repository, repository.state_at(at), read_state(repository.store).view)

    def split(self, name: str, at: str | None = None) -> list[str]:
        """The files of a split, by path; none where it is frozen and this state has none of them. Raises NotFound."""
        from oxide.splits import splitting

        repository = self._with_splits()
        view = read_state(repository.store).view
        return splitting.paths_of(repository, repository.state_at(at), name, view)

    def freeze_split(self, name: str) -> int:
        """Hold a split out: no later commit, merge or export on any branch may have its contents, or frames of its
        videos, in any other file, or its files in another split. Returns the number of its files.

        Raises:
            NotFound: no file is in it.
            AlreadyExists: it is frozen.
        """
        from oxide.splits import splitting

        return splitting.hold_out(self._with_splits(), name)

    def thaw_split(self, name: str) -> None:
        """Hold a split out no longer. Its files stay in it. Raises NotFound."""
        from oxide.splits import splitting

        splitting.thaw(self._with_splits(), name)

    def check_splits(self, at: str | None = None, *, near: bool = True, progress: Progress | None = None) -> list[Leak]:
        """Files of different splits that are one thing, and uses of what is held out: see :class:`oxide.types.Leak`.

        ``near`` also compares what pictures look like. Raises MissingExtra: that needs the extra ``vision``.
        """
        from oxide.splits import checking

        repository = self._with_splits()
        view = read_state(repository.store).view
        return checking.leaks(repository.store, repository.state_at(at), view, near=near, progress=progress)
