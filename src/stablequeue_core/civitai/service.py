"""Civitai as a user of the queue sees it: what is this, how was that made, fetch me this."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.images.image_info import ImageInfo, ImageReader
from stablequeue_core.civitai.library.refreshing import (
    Refreshed,
    Refresher,
    RefreshReport,
    TellRefresh,
)
from stablequeue_core.civitai.links import parse_image_link, parse_link
from stablequeue_core.civitai.orders.ordering import Orders
from stablequeue_core.civitai.records import CivitaiAccount
from stablequeue_core.downloads import Download
from stablequeue_core.errors import FieldProblem, InvalidCivitaiLink, InvalidDownload
from stablequeue_core.models import CivitaiCandidate, Model, ModelCatalog, ModelKind


class Civitai:
    """Civitai; ``queue.civitai`` is one. Safe to use from several threads.

    Everything but :meth:`download` works without an API key, as far as Civitai shows things to
    everybody; the key is the setting ``civitai_api_key``, read from ``CIVITAI_API_KEY``.
    """

    def __init__(
        self,
        client: CivitaiClient,
        *,
        models: ModelCatalog,
        orders: Orders,
        refresher: Refresher,
        images: ImageReader,
    ) -> None:
        """Put the parts together.

        Args:
            client: asks Civitai.
            models: our model files.
            orders: turns links into downloads.
            refresher: finds out what our files are, and writes it down beside them.
            images: reads how pictures were made.
        """
        self._client = client
        self._models = models
        self._orders = orders
        self._refresher = refresher
        self._images = images

    def account(self) -> CivitaiAccount:
        """Whose API key it is: asks whether Civitai accepts it.

        A key that it does not accept is otherwise hard to notice: Civitai then answers as it does
        to everybody.

        Raises:
            LoginNeeded: there is no key, or Civitai does not accept it.
            CivitaiError: it cannot be asked now.
        """
        return self._client.account()

    def image(self, image: int | str) -> ImageInfo:
        """How a picture on Civitai was made, as parameters of a job.

        Args:
            image: its number, or the address of its page.

        Raises:
            InvalidCivitaiLink: it is neither; nobody was asked.
            CivitaiNotFound: there is no such picture, or it is hidden from us.
            InvalidInfotext: nobody tells how it was made, neither Civitai nor the picture itself.
            CivitaiError: Civitai cannot be asked now.

        Example::

            print(queue.civitai.image("https://civitai.com/images/51001").params)
        """
        return self._images.read(parse_image_link(image))

    def refresh(self, model: Model | str, *, kind: ModelKind | str | None = None) -> Refreshed:
        """Ask Civitai what a model file is, and write its answer and pictures beside the file.

        It is found by the id that is known, else by its hash (the file is read for it if need be),
        else by its name, if only one file at Civitai can be meant. What you have typed into the
        files beside it, and pictures of your own, stay.

        Args:
            model: which one, or a name as for :meth:`ModelCatalog.get`.
            kind: only among these.

        Raises:
            ModelNotFound, AmbiguousModel: as :meth:`ModelCatalog.get`; the file must be there.
            CivitaiNotFound: Civitai does not know it.
            CivitaiError: Civitai cannot be asked now; nothing was changed.
            SidecarNotWritten: the files beside the model cannot be written.

        Example::

            print(queue.civitai.refresh("inkWash_v3.safetensors").previews)
        """
        return self._refresher.refresh(self._meant(model, kind))

    def refresh_all(
        self,
        *,
        kind: ModelKind | str | Collection[ModelKind | str] | None = None,
        again: bool = False,
        tell: TellRefresh | None = None,
        stopping: Callable[[], bool] | None = None,
    ) -> RefreshReport:
        """Do the same for all model files: hundreds of them with each request.

        Interrupted, it goes on where it was: what was refreshed within the last day is left out.

        Args:
            kind: only these; one kind, or several.
            again: those of the last day, too.
            tell: called with how many are done, how many there are, and the present file's name.
            stopping: asked now and then; True ends it.

        Raises:
            CivitaiError: Civitai cannot be asked now; what was done so far stays.
        """
        page = self._models.find(kind=kind, limit=None)
        return self._refresher.refresh_all(
            page.models,
            again=again,
            tell=tell or (lambda done, total, current: None),
            stopping=stopping or (lambda: False),
        )

    def candidates(
        self, model: Model | str, *, kind: ModelKind | str | None = None
    ) -> Sequence[CivitaiCandidate]:
        """The versions at Civitai that a file may be, likeliest first; often there is just one.

        Raises:
            ModelNotFound, AmbiguousModel: as :meth:`ModelCatalog.get`.
            CivitaiError: Civitai cannot be asked now.
        """
        return self._refresher.candidates(self._meant(model, kind))

    def pin(
        self, model: Model | str, link: int | str, *, kind: ModelKind | str | None = None
    ) -> Refreshed:
        """Say which version a file is; from now on that wins over all that Civitai finds.

        Args:
            model: which one, or a name as for :meth:`ModelCatalog.get`.
            link: the version: its number, its page or its AIR.
            kind: only among these.

        Raises:
            InvalidCivitaiLink: it names no version; nobody was asked.
            ModelNotFound, AmbiguousModel, CivitaiNotFound, CivitaiError, SidecarNotWritten: as
                :meth:`refresh`.
        """
        version_id = parse_link(link).version_id
        if version_id is None:
            raise InvalidCivitaiLink(str(link), "one version of a model")
        return self._refresher.pin(self._meant(model, kind), version_id)

    def unpin(self, model: Model | str, *, kind: ModelKind | str | None = None) -> None:
        """Let Civitai's answers count again for a file; what is beside it stays until a refresh.

        Raises:
            ModelNotFound, AmbiguousModel: as :meth:`ModelCatalog.get`.
        """
        self._refresher.unpin(self._meant(model, kind))

    def download(
        self,
        link: int | str,
        *,
        kind: ModelKind | str | None = None,
        filename: str | None = None,
        subfolder: str = "",
        priority: int = 0,
        file_id: int | None = None,
    ) -> Download:
        """Put a model file into the queue of downloads, to be fetched into its model folder.

        It survives a restart, and is read on where it was. If the same file is being fetched to the
        same place already, that download is returned.

        Args:
            link: the number of a version, the address of a model's or a version's page, or an AIR.
                A model without a version means its newest one.
            kind: which folder it goes into; None: what Civitai says that it is.
            filename: instead of Civitai's; its extension is always that of the file.
            subfolder: below the model folder, with forward slashes; made if missing.
            priority: higher is fetched first.
            file_id: which of the version's files; None: the one that people want.

        Raises:
            InvalidCivitaiLink: it names nothing at Civitai; nobody was asked.
            InvalidDownload: a name or a folder cannot be used, and nobody was asked; or what is
                there is no model file.
            CivitaiNotFound, CivitaiError: what Civitai says.
            NoFolderForKind: no folder for such files was named.
            ModelFileExists: there is a file of this name, to which nothing is done; or another one
                is being fetched to its place.

        Example::

            download = queue.civitai.download("https://civitai.com/models/600102")
            print(queue.downloads.wait(download.id).file)
        """
        return self._orders.place(
            link,
            kind=_kind(kind),
            filename=filename,
            subfolder=subfolder,
            priority=priority,
            file_id=file_id,
        )

    def _meant(self, model: Model | str, kind: ModelKind | str | None) -> Model:
        return self._models.get(model, kind=kind) if isinstance(model, str) else model


def _kind(kind: ModelKind | str | None) -> ModelKind | None:
    try:
        return None if kind is None else ModelKind(kind)
    except ValueError:
        known = ", ".join(ModelKind)
        problem = FieldProblem("kind", f"{kind!r} is no kind of model: {known}.")
        raise InvalidDownload([problem]) from None
