// What stands around PowUnity's tracking server and its clients need: the identity service that
// knows the tracking server's password (auth0's `/oauth/ro`), and the admin API that arms and
// disarms and knows subscriptions. As aiobiketrax uses them; no more is known in public.

import Foundation

extension ServerState {
    /// An identity token with the password of the tracking server in it; its signature is nobody's.
    func identity(_ request: Request) -> Answer {
        guard request.method == "POST", request.path == ["oauth", "ro"] else { return .notFound }
        struct Login: Decodable {
            var username: String
            var password: String
        }
        let login = try? JSONDecoder().decode(Login.self, from: Data(request.body))
        guard login?.username == world.account.email, login?.password == world.account.password
        else {
            var answer = Answer.json(
                Array(#"{"error":"invalid_user_password","error_description":"Wrong."}"#.utf8))
            answer.status = 401
            return answer
        }
        func part(_ json: String) -> String {
            Data(json.utf8).base64EncodedString().replacing("=", with: "")
                .replacing("+", with: "-").replacing("/", with: "_")
        }
        let claims = JSONText.of(
            ["traccarPassword": .text(world.account.password)] as Properties, world.dialect)
        let token =
            part(#"{"alg":"HS256","typ":"JWT"}"#) + "."
            + part(String(decoding: claims, as: UTF8.self)) + ".c2lnbmF0dXJl"
        return json(["id_token": .text(token), "token_type": .text("bearer")] as Properties)
    }

    mutating func admin(_ request: Request, now: Moment) -> Answer {
        guard request.header("Username") == world.account.email,
            request.header("Password") == world.account.password
        else { return .unauthorized }
        let path = Array(request.path.dropFirst(2))
        guard request.path.starts(with: ["admin", "api"]), path.count >= 2,
            let device = world.device(uniqueId: path[1])
        else { return .notFound }
        switch (request.method, path[0], path.dropFirst(2).first) {
        case ("POST", "devices", "arm"), ("POST", "devices", "disarm"):
            _ = world.take(.guarding(device.id, path[2] == "arm"), now: now)
            return json([:] as Properties)
        case ("GET", "subscriptions", nil):
            let years = Duration.ofHours(24 * 365)
            return json(
                [
                    "id": .whole(device.id), "uniqueId": .text(device.uniqueId),
                    "category": .text("trial"), "createdAt": .text((now - years).text),
                    "updatedAt": .text(now.text), "trialEnd": .text((now + years).text),
                    "trialDuration": .whole(365),
                ] as Properties)
        default: return .notFound
        }
    }
}
