# The archive with its viewer. Node is needed for building only and comes from PyPI (hatch_build.py).

FROM python:3.11.13-slim-bookworm AS build
WORKDIR /source
COPY requirements-image.lock ./
RUN python -m venv /opt/pacs \
 && /opt/pacs/bin/pip install --no-cache-dir --require-hashes -r requirements-image.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY viewer viewer
COPY pacs pacs
RUN /opt/pacs/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11.13-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin pacs \
 && install --directory --owner pacs --group pacs /var/lib/pacs \
      /secrets/archive /secrets/database /secrets/objects
COPY --from=build /opt/pacs /opt/pacs
COPY deploy/make_secrets.py /opt/pacs/share/make_secrets.py
ENV PATH=/opt/pacs/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PACS_DATA_DIR=/var/lib/pacs
WORKDIR /var/lib/pacs
USER pacs
EXPOSE 8080 11112
VOLUME /var/lib/pacs
ENTRYPOINT ["pacs"]
CMD ["serve"]
